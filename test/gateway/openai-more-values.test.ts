/** The rest of the rows' values: sizes at their limits, numbers as they are written, encodings, names in messages, many at once. */
import { expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { keyDigest } from "#kit/api-keys.ts";
import { createKeyGate } from "#kit/auth.ts";
import { chatBody, type Expected, outcome } from "./support/asks.ts";
import { CONTEXT_TOKENS } from "./support/simulated-session.ts";
import { createSimulatedStack } from "./support/simulated-services.ts";

const stack = createSimulatedStack();
const CHAT = "/v1/chat/completions";
const LIMIT_BYTES = 4 * 1024 * 1024;
const RANGE = "field_out_of_range";
const INVALID = "invalid_argument";

/** A good body with this written before its end. */
const written = (more: string): string => JSON.stringify(chatBody("hello")).replace(/}$/, `,${more}}`);

test.each<[string, string, Expected]>([
  ["G2 nesting of 100,000", "[".repeat(100_000) + "]".repeat(100_000), [400, "invalid_json", null]],
  ["G2 nesting of 2,000,000", `{"a":${"[".repeat(2e6)}${"]".repeat(2e6)}}`, [400, "invalid_json", null]],
  ["G3 one byte over the limit", `"${"a".repeat(LIMIT_BYTES - 1)}"`, [413, "request_too_large", null]],
  ["G7 half a pair in a stop string", written('"stop":["a\\udc00"]'), [400, "invalid_unicode", "stop[0]"]],
  [
    "G12 no content",
    '{"model":"simulated","messages":[{"role":"user"}]}',
    [400, "field_required", "messages[0].content"],
  ],
  ["G13 1e999 as a number", written('"max_tokens":1e999'), [400, INVALID, "max_tokens"]],
  ["G14 1e999 as a number", written('"n":1e999'), [400, INVALID, "n"]],
  [
    "G16 a frequency penalty over 2",
    written('"frequency_penalty":2.0001'),
    [400, RANGE, "frequency_penalty"],
  ],
  ["G18 a bias of 1e999", written('"logit_bias":{"5":1e999}'), [400, INVALID, "logit_bias.5"]],
  [
    "G19 log-probabilities of the prompt",
    written('"prompt_logprobs":1'),
    [400, "unknown_field", "prompt_logprobs"],
  ],
])("%s", async (_name, body, expected) => {
  expect(await outcome(await stack.post(CHAT, "", { body }))).toEqual(expected);
});

test("G3 a body of exactly the limit is read", async () => {
  const body = `"${"a".repeat(LIMIT_BYTES - 2)}"`;
  expect(await outcome(await stack.post(CHAT, "", { body }))).toEqual([400, "invalid_json", null]);
});

const ENCODED: readonly (readonly [string, Uint8Array<ArrayBuffer>, string])[] = [
  ["a bomb", new Uint8Array(gzipSync(Buffer.alloc(64 << 20))), "gzip"],
  ["what is no gzip", new TextEncoder().encode("garbage"), "gzip"],
  ["another encoding", new TextEncoder().encode("{}"), "br"],
];
test.each(ENCODED)("G4 %s is refused unread", async (_name, body, encoding) => {
  const headers = { "content-type": "application/json", "content-encoding": encoding };
  const response = await stack.post(CHAT, "", { body, headers });
  expect(await outcome(response)).toEqual([415, "unsupported_encoding", null]);
});

test("G9 an unknown model is named in the refusal, shortened, in one line without control characters", async () => {
  const response = await stack.post(CHAT, chatBody("hello", { model: `a\n\u001b[2J${"m".repeat(200)}` }));
  const { error } = (await response.json()) as { error: { message: string } };
  expect(response.status).toBe(404);
  expect(error.message).toMatch(/^[\x20-\x7e…]{1,200}$/);
});

test("G20 a stop string that looks like a pattern is a text", async () => {
  stack.forward.script = () => new TextEncoder().encode("aaaaaaaa (a+)+$ tail");
  const response = await stack.post(CHAT, chatBody("hello", { stop: ["(a+)+$"], max_tokens: 60 }));
  const { choices } = (await response.json()) as { choices: { message: { content: string } }[] };
  expect(choices[0]?.message.content).toBe("aaaaaaaa ");
});

test("G24 a prompt and an answer that fill the context exactly are served, to their length", async () => {
  const own = createSimulatedStack();
  own.forward.script = () => new Array<number>(CONTEXT_TOKENS).fill(97);
  const prompt = "x".repeat(CONTEXT_TOKENS - 12);
  const ask = (more: object) => own.post("/v1/completions", { model: "simulated", prompt, ...more });
  const answer = (await (await ask({ max_tokens: 12 })).json()) as { choices: { finish_reason: string }[] };
  expect(answer.choices[0]?.finish_reason).toBe("length");
  expect(await outcome(await ask({ max_tokens: 13 }))).toEqual([
    400,
    "context_length_exceeded",
    "max_tokens",
  ]);
});

test("G32 a thousand requests of one key: it is told when to come again, another is served as ever", async () => {
  const base = { operator: false, priority: "normal" as const };
  const gate = createKeyGate({
    apiKey: "",
    keys: [
      { ...base, name: "hog", digest: keyDigest("key-of-hog"), tokensPerSecond: 100, concurrent: 8 },
      { ...base, name: "modest", digest: keyDigest("key-of-modest") },
    ],
  });
  const own = createSimulatedStack({ gate });
  const ask = (name: string) =>
    own.post(CHAT, chatBody("hello", { max_tokens: 4 }), {
      headers: { "content-type": "application/json", authorization: `Bearer key-of-${name}` },
    });
  const hog = Array.from({ length: 1_000 }, () => ask("hog"));
  expect((await ask("modest")).status).toBe(200);
  const refused = (await Promise.all(hog)).filter(({ status }) => status !== 200);
  expect(refused.length).toBeGreaterThan(900);
  for (const { status, headers } of refused) {
    expect(status).toBe(429);
    expect(Number(headers.get("retry-after-ms"))).toBeGreaterThan(0);
  }
});

test("a seed of -1, and none, is drawn and told", async () => {
  const seedOf = async (more: object) => {
    const answer = (await (await stack.post(CHAT, chatBody("hello", more))).json()) as any;
    return answer.trimtab.seed as number;
  };
  const drawn = [await seedOf({ seed: -1 }), await seedOf({ seed: -1 }), await seedOf({})];
  expect(new Set(drawn).size).toBe(3);
  expect(drawn.every((seed) => Number.isInteger(seed) && seed >= 0)).toBe(true);
});
