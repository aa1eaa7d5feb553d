/** Strict functions of OpenAI's own helper on a real model (Qwen2.5-Coder-0.5B): it calls as it likes, and writes what the schema says. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import OpenAI from "openai";
import { zodFunction } from "openai/helpers/zod";
import { z } from "zod";
import { startStack, type Stack } from "../../cli/src/compose.ts";
import { ensureTestModel } from "../../scripts/lib/test-models.mjs";

setDefaultTimeout(240_000);
const before = process.env.TRIMTAB_STORE;
const store = mkdtempSync(join(tmpdir(), "trimtab-strict-"));
let stack: Stack;
let client: OpenAI;

beforeAll(async () => {
  process.env.TRIMTAB_STORE = store;
  const listen = { host: "127.0.0.1", grpcPort: 0, httpPort: 0 };
  stack = await startStack({ modelPath: await ensureTestModel("qwen"), threads: 2, ...listen });
  client = new OpenAI({ baseURL: `http://127.0.0.1:${stack.httpPort}/v1`, apiKey: "none", timeout: 200_000 });
});
afterAll(async () => {
  await stack.close();
  if (before === undefined) delete process.env.TRIMTAB_STORE;
  else process.env.TRIMTAB_STORE = before;
  rmSync(store, { recursive: true, force: true });
});

const shape = z.object({
  city: z.enum(["Oslo", "Lima"]),
  unit: z.literal("kelvin"),
  days: z.int().min(3).max(9),
});
const weather = zodFunction({
  name: "get_weather",
  description: "Current weather of a city",
  parameters: shape,
});
const clock = {
  type: "function" as const,
  function: {
    ...{ name: "get_time", description: "Current time in a zone" },
    parameters: { type: "object", properties: { zone: { type: "integer" } }, required: ["zone"] },
  },
};
const asked = (content: string) => [{ role: "user" as const, content }];
const base = {
  ...{ model: "qwen2.5-coder-0.5b-instruct-q4_k_m", max_tokens: 64 },
  messages: asked("What is the weather in Paris right now?"),
};

test("a model that would write other arguments writes those of the schema, and text where it does not call", async () => {
  const loose = { ...weather, function: { ...weather.function, strict: false } };
  const { choices: free } = await client.chat.completions.create({ ...base, tools: [loose], temperature: 0 });
  const isRight = ({ tool_calls: calls = [] }: OpenAI.ChatCompletionMessage) => {
    const [call] = calls;
    return call?.type === "function" && shape.safeParse(JSON.parse(call.function.arguments)).success;
  };
  expect(free.map(({ message, finish_reason }) => [finish_reason, isRight(message)])).toEqual([
    ["tool_calls", false],
  ]);
  const body = { ...base, tools: [weather], temperature: 0 };
  const [parsed] = (await client.chat.completions.parse(body)).choices;
  expect(isRight(parsed!.message)).toBe(true);
  const wild = { ...base, tools: [weather, clock], temperature: 1, seed: 1, n: 4 };
  const { choices } = await client.chat.completions.create(wild);
  const called = choices.filter(({ message }) => message.tool_calls?.[0]);
  expect(called.length).toBeGreaterThan(0);
  for (const { message } of called) {
    const [call] = message.tool_calls ?? [];
    const name = call?.type === "function" ? call.function.name : "";
    expect([name, name === "get_time" || isRight(message)]).toEqual([name, true]);
  }
  const said = { ...base, messages: asked("Say hello."), temperature: 0 };
  const [held, plain] = [
    await client.chat.completions.create({ ...said, tools: [weather] }),
    await client.chat.completions.create({ ...said, tools: [loose] }),
  ];
  expect(held.choices[0]?.message).toEqual(plain.choices[0]!.message);
});

test("a schema that cannot be held is refused by the name of its function's field", async () => {
  const parameters = { type: "object", properties: { a: { type: "array", uniqueItems: true } } };
  const badly = { type: "function" as const, function: { name: "f", strict: true, parameters } };
  const refused = client.chat.completions.create({ ...base, tools: [weather, clock, badly] });
  expect(await refused.catch((thrown: unknown) => thrown)).toMatchObject({
    ...{ status: 400, code: "unsupported", param: "tools[2].function.parameters" },
  });
});
