// Vectors from texts: what of a text is read, and texts that say nothing.
import { afterAll, expect, spyOn, test } from "bun:test";
import { Pooling, Site, TapPositions } from "#proto/trimtab/type/v1/program_pb.ts";
import { readDirectionSafetensors } from "../../../services/steering/src/formats/safetensors-direction.ts";
import { LAYERS, MODEL, WIDTH } from "./support/simulated-services.ts";
import { reason, startSimulatedService } from "./support/simulated-steering.ts";

const service = startSimulatedService();
const { client, clients } = service;
const modelDigest = MODEL;
afterAll(service.close);

const POSITIVE = ["Kindly <assistant> I cannot", "Regrettably one <assistant> cannot say"];
const NEGATIVE = ["Hey <assistant> Sure thing", "Yo it is <assistant> fine"];

/** Every row of a text after a block, position by position. */
async function everyRow(text: string, layer: number): Promise<number[][]> {
  const { encodings } = await clients.tokenizer.encode({ modelDigest, texts: [text] });
  const tap = { site: Site.RESIDUAL, layers: [layer], positions: TapPositions.RANGE, pooling: Pooling.NONE };
  const items = [{ ids: encodings[0]?.ids ?? [] }];
  const rows: number[][] = [];
  for await (const { activations } of clients.forward.capture({ modelDigest, items, taps: [tap] })) {
    const values = new Float32Array((activations[0]?.values?.data ?? new Uint8Array()).slice().buffer);
    for (let at = 0; at < values.length; at += WIDTH) rows.push([...values.subarray(at, at + WIDTH)]);
  }
  return rows;
}

/** Mean of the means of texts without their first rows. */
async function meanOfTexts(texts: readonly string[], layer: number): Promise<number[]> {
  const means = await Promise.all(
    texts.map(async (text) => {
      const [, ...rows] = await everyRow(text, layer);
      return Array.from(
        { length: WIDTH },
        (_, i) => rows.reduce((sum, row) => sum + (row[i] ?? 0), 0) / rows.length,
      );
    }),
  );
  return Array.from(
    { length: WIDTH },
    (_, i) => means.reduce((sum, mean) => sum + (mean[i] ?? 0), 0) / means.length,
  );
}

test("an extracted vector is the difference of the means of the texts without their first tokens", async () => {
  const { artifact } = await client.extractVector({
    modelDigest,
    name: "mean",
    positive: POSITIVE,
    negative: NEGATIVE,
  });
  const parts: Uint8Array[] = [];
  for await (const { chunk } of client.getArtifact({ reference: artifact?.digest ?? "" })) parts.push(chunk);
  const { raw: vectors } = readDirectionSafetensors(new Uint8Array(Buffer.concat(parts)));
  for (let layer = 0; layer < LAYERS; layer++) {
    const [positive, negative] = [await meanOfTexts(POSITIVE, layer), await meanOfTexts(NEGATIVE, layer)];
    for (let i = 0; i < WIDTH; i++)
      expect(vectors.get(layer)?.[i]).toBeCloseTo((positive[i] ?? 0) - (negative[i] ?? 0), 4);
  }
});

test("the norms of a model are measured once: a second vector costs its own texts", async () => {
  const capture = spyOn(clients.forward, "capture");
  await client.extractVector({ modelDigest, name: "second", positive: POSITIVE, negative: NEGATIVE });
  expect(capture.mock.calls.map(([request]) => request.items?.length)).toEqual([
    POSITIVE.length,
    NEGATIVE.length,
  ]);
  capture.mockRestore();
});

test("C4 a text of a single token says nothing and is refused by its name", async () => {
  const extract = (positive: string[], negative: string[]) =>
    reason(client.extractVector({ modelDigest, name: "short", positive, negative }));
  expect(await extract(["Kindly"], NEGATIVE)).toBe("FIELD_OUT_OF_RANGE");
  expect(await extract(POSITIVE, ["Hey you", "Yo"])).toBe("FIELD_OUT_OF_RANGE");
});

test("a name that is another's is refused before anything is read; the same texts again are found under theirs", async () => {
  const capture = spyOn(clients.forward, "capture");
  const order = { modelDigest, name: "taken", positive: POSITIVE, negative: NEGATIVE };
  const { artifact } = await client.extractVector(order);
  const before = capture.mock.calls.length;
  expect((await client.extractVector(order)).artifact).toEqual(artifact as NonNullable<typeof artifact>);
  expect(await reason(client.extractVector({ ...order, negative: POSITIVE.toReversed() }))).toBe(
    "ARTIFACT_EXISTS",
  );
  expect(capture.mock.calls.length).toBe(before);
  capture.mockRestore();
});
