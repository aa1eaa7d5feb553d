/** Strict functions of OpenAI's own helper on a real model (Qwen2.5-Coder-0.5B): it calls as it likes, and writes what the schema says. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import OpenAI from "openai";
import { zodFunction } from "openai/helpers/zod";
import { z } from "zod";
import { startRealOpenAi } from "./support/real-openai.ts";

setDefaultTimeout(240_000);
const { client, stack } = await startRealOpenAi();
afterAll(() => stack.close());

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
  ...{ model: "qwen2.5-coder-0.5b-instruct-q4_k_m", max_tokens: 64, temperature: 0 },
  messages: asked("What is the weather in Paris right now?"),
};
/** This model forgets the mark of a call (its token has this id), unless it is made likely. */
const MARKED = { logit_bias: { 151657: 100 }, parallel_tool_calls: false };
const callsOf = (choices: readonly OpenAI.ChatCompletion.Choice[]) =>
  choices.map(({ message: { tool_calls: [call] = [] } }) =>
    call?.type === "function" ? [call.function.name, JSON.parse(call.function.arguments)] : [],
  );

test("a model that would write other arguments writes those of the schema once it has begun a call", async () => {
  const loose = { ...weather, function: { ...weather.function, strict: false } };
  const { choices: free } = await client.chat.completions.create({ ...base, tools: [loose] });
  const [[name, wrong] = []] = callsOf(free);
  expect([name, shape.safeParse(wrong).success]).toEqual(["get_weather", false]);
  const { choices: unheld } = await client.chat.completions.create({ ...base, tools: [weather] });
  expect(unheld[0]).toMatchObject({ finish_reason: "stop", message: { content: expect.any(String) } });
  const { choices } = await client.chat.completions.parse({ ...base, ...MARKED, tools: [weather] });
  expect(callsOf(choices)).toEqual([["get_weather", shape.parse(callsOf(choices)[0]?.[1])]]);
  const wild = { ...base, ...MARKED, tools: [weather, clock], temperature: 1.5, seed: 1, n: 4 };
  const made = callsOf((await client.chat.completions.create(wild)).choices);
  const strict = made.filter(([name]) => name === "get_weather");
  expect(strict.length).toBeGreaterThan(0);
  expect(strict.filter(([, given]) => !shape.safeParse(given).success)).toEqual([]);
});

test("a call without a mark that keeps to its schema is one, and free text is as it would be", async () => {
  const parameters = z.object({ city: z.string() });
  const easy = zodFunction({ name: "get_weather", description: "Current weather of a city", parameters });
  const { choices } = await client.chat.completions.parse({ ...base, tools: [easy] });
  expect(callsOf(choices)).toEqual([["get_weather", { city: "Paris" }]]);
  const said = { ...base, messages: asked("Say hello."), logprobs: true };
  const loose = { ...easy, function: { ...easy.function, strict: false } };
  const [held, plain] = [
    await client.chat.completions.create({ ...said, tools: [easy] }),
    await client.chat.completions.create({ ...said, tools: [loose] }),
  ];
  expect(held.choices[0]?.logprobs).toEqual(plain.choices[0]!.logprobs);
});

test("a schema that cannot be held is refused by the name of its function's field", async () => {
  const parameters = { type: "object", properties: { a: { type: "array", uniqueItems: true } } };
  const badly = { type: "function" as const, function: { name: "f", strict: true, parameters } };
  const refused = client.chat.completions.create({ ...base, tools: [weather, clock, badly] });
  expect(await refused.catch((thrown: unknown) => thrown)).toMatchObject({
    ...{ status: 400, code: "unsupported", param: "tools[2].function.parameters" },
  });
});
