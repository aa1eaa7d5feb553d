/** `serve --model DIRECTORY --quantize TYPE`: all processes mean the same model, under the digest of what is computed. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { rmSync } from "node:fs";
import { digestOfModel } from "#kit/model-digest.ts";
import { startStack, type Stack } from "../../cli/src/compose.ts";
import { type FamilyModel, familyModelBytes, familyModels } from "../support/family-models.ts";
import { byteTokenizer, hubFilesOf, writeHubDirectory } from "../support/hub-directory.ts";

setDefaultTimeout(120_000);
const model: FamilyModel = familyModels.smollm3;
const files = hubFilesOf(model, familyModelBytes(model));
const modelPath = writeHubDirectory("process", { ...files, json: byteTokenizer() });
let stack: Stack;

beforeAll(async () => {
  const ports = { host: "127.0.0.1", grpcPort: 0, httpPort: 0 };
  stack = await startStack({ modelPath, quantize: "q8_0", threads: 1, ...ports });
});
afterAll(async () => {
  await stack.close();
  rmSync(modelPath, { recursive: true });
});

test("a directory quantized at load chats over gRPC; its name and digest say what it is", async () => {
  const { models } = await stack.client.listModels({});
  expect(models[0]).toMatchObject({ architecture: "smollm3", digest: digestOfModel(modelPath, "q8_0") });
  expect(models[0]?.name).toMatch(/\.Q8_0$/);
  const prompt = { case: "conversation" as const, value: { messages: [{ role: "user", content: "Hé!" }] } };
  const { choices, usage } = await stack.client.complete({
    spec: { prompt, maxTokens: 6, sampling: { temperature: 0 } },
  });
  // "<user>Hé!" and a line end, in bytes.
  expect(usage?.promptTokens).toBe("<user>Hé!\n".length + 1);
  expect(usage?.completionTokens).toBe(6);
  expect(choices[0]?.text.length).toBeGreaterThan(0);
});
