/** Examples that say nothing, or contradict themselves: a typed refusal or an ordinary direction, never an artifact of NaN (row C4). */
import { afterAll, expect, test } from "bun:test";
import { MODEL } from "./support/simulated-services.ts";
import { reason, startSimulatedService } from "./support/simulated-steering.ts";

const service = startSimulatedService();
const { client } = service;
afterAll(service.close);

const KIND = "Kindly <assistant> I cannot";
const CURT = "Hey <assistant> Sure thing";

async function outcome(name: string, positive: string[], negative: string[]): Promise<string> {
  return reason(client.extractVector({ modelDigest: MODEL, name, positive, negative }));
}

test("C4 sides that are alike, or each other's examples, are refused: there is no direction between them", async () => {
  const refusals = [
    await outcome("same", [KIND], [KIND]),
    await outcome("contradictory", [KIND, CURT], [CURT, KIND]),
    await outcome("none", [], []),
    await outcome("one-sided", [KIND], []),
  ];
  const [alike, missing] = ["ARTIFACT_INVALID", "FIELD_REQUIRED"];
  expect(refusals).toEqual([alike, alike, missing, missing]);
  const { artifacts } = await client.listArtifacts({});
  expect(artifacts).toEqual([]);
});

test("C4 one example a side is enough, the same one many times too, and a hundred thousand are too many", async () => {
  expect(await outcome("one", [KIND], [CURT])).toBe("nothing refused");
  expect(await outcome("many", new Array(64).fill(KIND), [CURT])).toBe("nothing refused");
  expect(await outcome("most", new Array(100_000).fill(KIND), [CURT])).toMatch(
    /^(FIELD_OUT_OF_RANGE|TOO_LARGE)$/,
  );
});
