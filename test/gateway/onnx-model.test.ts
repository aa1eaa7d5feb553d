/** An ONNX model served by all services: answers over gRPC and the OpenAI API, and steering refused by capability. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { rmSync } from "node:fs";
import OpenAI from "openai";
import { fromConnectError } from "#kit/errors.ts";
import { FinishReason } from "#proto/trimtab/type/v1/generation_pb.ts";
import { Site } from "#proto/trimtab/type/v1/program_pb.ts";
import { startStack, type Stack } from "../../cli/src/compose.ts";
import { failure, prompt } from "../support/forward-engine.ts";
import { exportSynthetic } from "../support/onnx-folder.ts";

setDefaultTimeout(120_000);
const IDS = prompt(40, 9);
let made: Awaited<ReturnType<typeof exportSynthetic>>;
let stack: Stack;

beforeAll(async () => {
  made = await exportSynthetic();
  const listen = { host: "127.0.0.1", grpcPort: 0, httpPort: 0 };
  stack = await startStack({ modelPath: made.graphPath, threads: 1, ...listen });
});
afterAll(async () => {
  await stack.close();
  rmSync(made.root, { recursive: true });
});

test("choices of one prompt come from the graph, the same over gRPC and the OpenAI API", async () => {
  const { choices, usage } = await stack.client.complete({
    spec: {
      prompt: { case: "ids", value: { ids: IDS } },
      ...{ sampling: { temperature: 0 }, maxTokens: 6, choices: 2, ignoreModelStop: true },
    },
  });
  for (const { finished } of choices) expect(finished?.reason).toBe(FinishReason.LENGTH);
  expect(choices[0]?.text).toBe(choices[1]?.text as string);
  expect(usage).toMatchObject({ promptTokens: 40, completionTokens: 12 });
  const client = new OpenAI({ baseURL: `http://127.0.0.1:${stack.httpPort}/v1`, apiKey: "none" });
  const [model] = (await client.models.list()).data;
  expect(model).toMatchObject({ id: "exported.model", trimtab: { backend: "onnx", loaded: true } });
  const answer = await client.completions.create({
    ...{ model: model?.id ?? "", prompt: IDS, temperature: 0, max_tokens: 6, logprobs: 2 },
  });
  expect(answer.choices[0]?.text).toBe(choices[0]?.text as string);
});

test("what needs the inside of a model is refused: captures, and directions that steer", async () => {
  const refusal = async (call: Promise<unknown>) => fromConnectError(await failure(call)).reason;
  const read = async () => {
    const input = { case: "text" as const, value: "some text" };
    for await (const _ of stack.client.capture({ input, taps: [{ site: Site.RESIDUAL }] })) break;
  };
  expect(await refusal(read())).toBe("BACKEND_CAPABILITY");
  const texts = { positive: ["a good day"], negative: ["a bad day"] };
  expect(await refusal(stack.client.extractVector({ name: "x", ...texts }))).toBe("BACKEND_CAPABILITY");
});
