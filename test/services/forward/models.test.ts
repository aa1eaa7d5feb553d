/** Loading and unloading models through the service: only allowed files, sound files, the right file. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createEngine } from "../../../services/forward/src/engine/client.ts";
import { prompt } from "../../support/forward-engine.ts";
import { loadModel, reasonOf, startForward } from "../../support/forward-service.ts";
import { syntheticModel, writeSyntheticModel } from "../../support/synthetic-model.ts";

const directory = mkdtempSync(join(tmpdir(), "trimtab-models-"));
setDefaultTimeout(120_000);
/** A generation that runs to its end takes far longer than it takes to unload its model. */
const LONG_CONTEXT = 8_192;
let forward: Awaited<ReturnType<typeof startForward>>;

beforeAll(async () => {
  const bytes = syntheticModel({ seed: 77 });
  await Bun.write(join(directory, "second.gguf"), bytes);
  await Bun.write(join(directory, "short.gguf"), bytes.subarray(0, bytes.length - 1000));
  await Bun.write(join(directory, "noise.gguf"), new Uint8Array(1000).fill(7));
  // A graph of something else: without a configuration it is no model.
  await Bun.write(join(directory, "encoder.onnx"), new Uint8Array(1000).fill(7));
  forward = await startForward({ modelDirectories: [directory], contextTokens: LONG_CONTEXT });
});
afterAll(async () => {
  await forward.service.close();
  rmSync(directory, { recursive: true });
});

const load = (source: string, expectedDigest = "") => loadModel(forward.client, { source, expectedDigest });

test("a model is loaded by name, used, and unloaded with its sequences", async () => {
  const { client } = forward;
  const { model } = await load("second");
  const modelDigest = model?.digest ?? "";
  expect(model).toMatchObject({ name: "second", loaded: true, layers: 4, deterministic: true });
  const { models } = await client.listModels({});
  expect(models.filter(({ loaded }) => loaded)).toHaveLength(2);
  expect(models.map(({ name }) => name)).toContain("noise");
  expect(models.map(({ name }) => name).filter((name) => name.includes("encoder"))).toEqual([]);
  const generate = { maxTokens: 0, ignoreModelStop: true };
  const { sequence } = await client.open({ modelDigest, open: { ids: prompt(5) } });
  const running = (async () => {
    for await (const { event } of client.generate({ modelDigest, sequence, generate })) {
      if (event.case === "tokens") await client.unloadModel({ modelDigest });
    }
  })();
  expect(await reasonOf(running)).toBe("MODEL_NOT_LOADED");
  expect(await reasonOf(client.open({ modelDigest, open: { ids: [1] } }))).toBe("MODEL_NOT_LOADED");
});

test("A13 files outside the allowed directories look as if they did not exist", async () => {
  const outside = await writeSyntheticModel();
  for (const source of [outside, "../second", "missing", "", "a\0b", "/etc/passwd"]) {
    expect(await reasonOf(load(source))).toBe("MODEL_NOT_FOUND");
  }
});

test("two models of one name are not loaded together", async () => {
  const other = join(directory, "other", "second.gguf");
  await Bun.write(other, syntheticModel({ seed: 78 }));
  const { model } = await load("second");
  expect(await reasonOf(load("other/second"))).toBe("CONFLICT");
  await forward.client.unloadModel({ modelDigest: model?.digest ?? "" });
  const { model: second } = await load(other);
  expect(second?.digest).not.toBe(model?.digest);
  await forward.client.unloadModel({ modelDigest: second?.digest ?? "" });
});

test("A12 a truncated file, noise and a wrong digest are refused, typed", async () => {
  expect(await reasonOf(load("short"))).toBe("ARTIFACT_INVALID");
  expect(await reasonOf(load("noise"))).toBe("ARTIFACT_INVALID");
  const expectedDigest = "0".repeat(64);
  expect(await reasonOf(load("second", expectedDigest))).toBe("MODEL_MISMATCH");
});

test("a model is loaded and unloaded while another answers, and its loading tells how far it is", async () => {
  const { client, modelDigest } = forward;
  const { sequence } = await client.open({ modelDigest, open: { ids: prompt(20) } });
  const generate = { maxTokens: 200, ignoreModelStop: true, sampling: { temperature: 0 } };
  const answer = async (during: () => void) => {
    const ids: number[] = [];
    for await (const { event } of client.generate({ modelDigest, sequence, generate })) {
      if (event.case !== "tokens") continue;
      if (ids.length === 0) during();
      ids.push(...event.value.tokens.map(({ id }) => id));
    }
    await client.truncate({ modelDigest, sequence, tokens: 20 });
    return ids;
  };
  const alone = await answer(() => {});
  let other: Promise<number[]> | undefined;
  const beside = await answer(() => {
    other = load("second").then(async ({ model, progress }) => {
      await client.unloadModel({ modelDigest: model?.digest ?? "" });
      return progress;
    });
  });
  expect(beside).toEqual(alone);
  const progress = (await other) ?? [];
  expect([progress[0], progress.at(-1)]).toEqual([0, 1]);
  expect(progress).toEqual(progress.toSorted((a, b) => a - b));
  const { models } = await client.listModels({});
  expect(models.filter(({ loaded }) => loaded)).toHaveLength(1);
});

test("two who load the same model at the same time get one engine, and both hear of it", async () => {
  const [one, two] = await Promise.all([load("second"), load("second")]);
  expect(one.model?.digest).toBe(two.model?.digest ?? "");
  expect([one.progress.at(-1), two.progress.at(-1)]).toEqual([1, 1]);
  await forward.client.unloadModel({ modelDigest: one.model?.digest ?? "" });
  expect(await reasonOf(forward.client.unloadModel({ modelDigest: one.model?.digest ?? "" }))).toBe(
    "MODEL_NOT_LOADED",
  );
});

test("who expects another digest is told so, even while somebody else loads the same file", async () => {
  const wrong = "ab".repeat(32);
  const [plain, mismatch, second] = await Promise.all([
    load("second"),
    reasonOf(load("second", wrong)),
    reasonOf(load("second", wrong)),
  ]);
  expect([mismatch, second]).toEqual(["MODEL_MISMATCH", "MODEL_MISMATCH"]);
  expect(plain.model?.loaded).toBe(true);
  await forward.client.unloadModel({ modelDigest: plain.model?.digest ?? "" });
});

test("however many threads load a file, the engine computes the same bits; what one of them refuses is refused", async () => {
  const scored = [1, 2, 4].map(async (threads) => {
    const other = await startForward({ threads });
    const { items } = await other.client.score({
      ...{ modelDigest: other.modelDigest, items: [{ ids: prompt(40), first: 1 }], topLogprobs: 3 },
    });
    await other.service.close();
    return items[0]?.tokens.map(({ logprob }) => logprob);
  });
  const [first, ...others] = await Promise.all(scored);
  expect(first).toHaveLength(39);
  for (const one of others) expect(one).toEqual(first);
  const broken = syntheticModel({ seed: 77 });
  broken.fill(0xff, broken.length - 4096);
  const path = join(directory, "broken.gguf");
  await Bun.write(path, broken);
  for (const threads of [1, 3]) {
    const engine = createEngine({ modelPath: path, threads }).then(() => "loaded");
    expect(await engine.catch(({ reason }: { reason: string }) => reason)).toBe("ARTIFACT_INVALID");
  }
});
