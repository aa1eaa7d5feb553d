/** Directories of the hub through the service: found by name, loaded as they are and quantized, side by side. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { digestOfModel } from "#kit/model-digest.ts";
import { type FamilyModel, familyModelBytes, familyModels } from "../../support/family-models.ts";
import { loadModel, reasonOf, startForward } from "../../support/forward-service.ts";
import { hubFilesOf, writeHubDirectory } from "../../support/hub-directory.ts";

const root = mkdtempSync(join(tmpdir(), "trimtab-hub-models-"));
const model: FamilyModel = familyModels.qwen3;
let forward: Awaited<ReturnType<typeof startForward>>;

beforeAll(async () => {
  renameSync(writeHubDirectory("tiny", hubFilesOf(model, familyModelBytes(model))), join(root, "tiny"));
  const outside = writeHubDirectory("outside", hubFilesOf(model, familyModelBytes(model, { seed: 2 })));
  symlinkSync(outside, join(root, "linked"));
  forward = await startForward({ modelDirectories: [root] });
});
afterAll(async () => {
  await forward.service.close();
  rmSync(root, { recursive: true });
});

test("a directory is listed and loaded by its name; quantized it is another model with another digest", async () => {
  const { client } = forward;
  expect((await client.listModels({})).models.map(({ name }) => name)).toContain("tiny");
  const { model: whole } = await loadModel(client, { source: "tiny" });
  const { model: small } = await loadModel(client, { source: "tiny", quantize: "q8_0" });
  expect(whole).toMatchObject({ name: "tiny", architecture: "qwen3", layers: 3 });
  expect(whole?.digest).toBe(digestOfModel(join(root, "tiny"), null));
  expect(small?.name).toBe("tiny.Q8_0");
  expect(small?.digest).toBe(digestOfModel(join(root, "tiny"), "q8_0"));
  expect(small?.digest).not.toBe(whole?.digest);
  const items = [{ ids: [1, 2, 3], first: 1 }];
  const [one, other] = await Promise.all(
    [whole, small].map((each) => client.score({ modelDigest: each?.digest ?? "", items })),
  );
  const logprobs = (answer: typeof one) => answer?.items[0]?.tokens.map(({ logprob }) => logprob);
  expect(logprobs(one)).toHaveLength(2);
  expect(logprobs(other)).not.toEqual(logprobs(one));
});

test("an unknown type, and a directory that a link leads out to, are refused", async () => {
  const { client } = forward;
  const error: unknown = await loadModel(client, { source: "tiny", quantize: "q3_k" }).catch(
    (e: unknown) => e,
  );
  expect(String(error)).toContain("q4_0, q4_1, q5_0, q5_1, q8_0");
  expect(await reasonOf(loadModel(client, { source: "tiny", quantize: "Q8_0" }))).toBe("INVALID_ARGUMENT");
  for (const source of ["linked", ".", "..", "tiny/../../tiny"]) {
    expect(await reasonOf(loadModel(client, { source }))).toBe("MODEL_NOT_FOUND");
  }
});
