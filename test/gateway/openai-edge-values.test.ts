/** More of the same rows of the contract: values at the edges, names that are paths, addresses or digests, and what must be let through. */
import { expect, test } from "bun:test";
import { chatBody, type Expected, outcome } from "./support/asks.ts";
import { createSimulatedStack } from "./support/simulated-services.ts";

const stack = createSimulatedStack();
const CHAT = "/v1/chat/completions";
const RANGE = "field_out_of_range";
const INVALID = "invalid_argument";
const NO_MODEL: Expected = [404, "model_not_found", "model"];

const NAMES = [
  ...["a/../../b", "C:\\x", "%2e%2e/", "/proc/self/mem", "f".repeat(63), "f".repeat(65), "F".repeat(64)],
];
const ADDRESSES = ["file:///etc/passwd", "https://localhost/x", "s3://bucket/x"];
const REFUSED: readonly (readonly [string, object, Expected])[] = [
  ...NAMES.map((model) => [`G10 ${model}`, { model }, NO_MODEL] as const),
  ...ADDRESSES.map((model) => [`G11 ${model}`, { model }, NO_MODEL] as const),
  [
    "G12 10,001 messages",
    { messages: new Array(10_001).fill({ role: "user", content: "a" }) },
    [400, RANGE, "messages"],
  ],
  ["G13 2^53", { max_tokens: 2 ** 53 }, [400, RANGE, "max_tokens"]],
  ["G13 1e308", { max_tokens: 1e308 }, [400, RANGE, "max_tokens"]],
  ["G14 best_of beside n", { best_of: 2, n: 2 }, [400, "unknown_field", "best_of"]],
  ["G16 a negative penalty", { presence_penalty: -2.0001 }, [400, RANGE, "presence_penalty"]],
  [
    "G18 10,000 biases",
    { logit_bias: Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [i, 1])) },
    [400, RANGE, "logit_bias"],
  ],
  ["G19 -1 alternatives", { logprobs: true, top_logprobs: -1 }, [400, RANGE, "top_logprobs"]],
  ["G19 a million alternatives", { logprobs: true, top_logprobs: 1e6 }, [400, RANGE, "top_logprobs"]],
  ["G20 a stop that is no text", { stop: [5] }, [400, INVALID, "stop[0]"]],
  [
    "G31 an object's inside",
    { chat_template_kwargs: { __class__: 1, tokenize: true } },
    [400, "unsupported", "chat_template_kwargs"],
  ],
  [
    "G31 a megabyte",
    { chat_template_kwargs: { a: "x".repeat(2 ** 20) } },
    [400, "unsupported", "chat_template_kwargs"],
  ],
];

test.each(REFUSED)("%s", async (_name, more, expected) => {
  expect(await outcome(await stack.post(CHAT, chatBody("hello", more)))).toEqual(expected);
});

test("G8 G18 a body of a hundred thousand keys is refused before they are looked at", async () => {
  const biases = Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [i, 1]));
  const response = await stack.post(CHAT, chatBody("hello", { logit_bias: biases }));
  expect(await outcome(response)).toEqual([400, "invalid_json", null]);
});

test("G17 a seed beyond 2^53, as its digits are written, is refused", async () => {
  const body = JSON.stringify(chatBody("hello")).replace(/}$/, ',"seed":9223372036854775808}');
  expect((await outcome(await stack.post(CHAT, body)))[0]).toBe(400);
});

test("G15 minus zero and the smallest numbers are zero: the greedy answer", async () => {
  const texts = await Promise.all(
    ["-0", "1e-320", "0"].map(async (written) => {
      const body = JSON.stringify(chatBody("hello")).replace(/}$/, `,"temperature":${written}}`);
      const { choices } = (await (await stack.post(CHAT, body)).json()) as { choices: { message: object }[] };
      return JSON.stringify(choices[0]?.message);
    }),
  );
  expect(new Set(texts).size).toBe(1);
});

test("G8 no key of a body reaches a prototype", async () => {
  for (const key of ["__proto__", "constructor", "prototype"]) {
    const response = await stack.post(CHAT, `{"model":"simulated","messages":[],"${key}":{"polluted":1}}`);
    expect(response.status).toBe(400);
  }
  expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
});
