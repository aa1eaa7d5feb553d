/** Loading and unloading models through the service: only allowed files, sound files, the right file. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { prompt } from "../../support/forward-engine.ts";
import { reasonOf, startForward } from "../../support/forward-service.ts";
import { syntheticModel, writeSyntheticModel } from "../../support/synthetic-model.ts";

const directory = mkdtempSync(join(tmpdir(), "trimtab-models-"));
let forward: Awaited<ReturnType<typeof startForward>>;

beforeAll(async () => {
  const bytes = syntheticModel({ seed: 77 });
  await Bun.write(join(directory, "second.gguf"), bytes);
  await Bun.write(join(directory, "short.gguf"), bytes.subarray(0, bytes.length - 1000));
  await Bun.write(join(directory, "noise.gguf"), new Uint8Array(1000).fill(7));
  forward = await startForward({ modelDirectories: [directory] });
});
afterAll(async () => {
  await forward.service.close();
  rmSync(directory, { recursive: true });
});

test("a model is loaded by name, used, and unloaded with its sequences", async () => {
  const { client } = forward;
  const { model } = await client.loadModel({ source: "second" });
  const modelDigest = model?.digest ?? "";
  expect(model).toMatchObject({ name: "second", loaded: true, layers: 4, deterministic: true });
  const { models } = await client.listModels({});
  expect(models.filter(({ loaded }) => loaded)).toHaveLength(2);
  expect(models.map(({ name }) => name)).toContain("noise");
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

test("files outside the allowed directories look as if they did not exist", async () => {
  const outside = await writeSyntheticModel();
  for (const source of [outside, "../second", "missing", "", "a\0b", "/etc/passwd"]) {
    expect(await reasonOf(forward.client.loadModel({ source }))).toBe("MODEL_NOT_FOUND");
  }
});

test("a truncated file, noise and a wrong digest are refused, typed", async () => {
  const { client } = forward;
  expect(await reasonOf(client.loadModel({ source: "short" }))).toBe("ARTIFACT_INVALID");
  expect(await reasonOf(client.loadModel({ source: "noise" }))).toBe("ARTIFACT_INVALID");
  const expectedDigest = "0".repeat(64);
  expect(await reasonOf(client.loadModel({ source: "second", expectedDigest }))).toBe("MODEL_MISMATCH");
});
