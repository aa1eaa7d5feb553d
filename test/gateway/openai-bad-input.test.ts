/** Bad bodies of the OpenAI-compatible API: status, code and parameter of each (rows G1-G31 of the reliability notes). */
import { expect, test } from "bun:test";
import { chatBody, type Expected, outcome } from "./support/asks.ts";
import { CONTEXT_TOKENS } from "./support/simulated-session.ts";
import { createSimulatedStack } from "./support/simulated-services.ts";

const stack = createSimulatedStack();
const CHAT = "/v1/chat/completions";
const COMPLETIONS = "/v1/completions";

const REQUIRED = "field_required";
const RANGE = "field_out_of_range";
const INVALID = "invalid_argument";
const UNKNOWN = "unknown_field";
const steering = (more: object) => ({ steering: { recipe: "refusal", ...more } });
const one = (message: object) => ({ messages: [message] });
const long = "x".repeat(CONTEXT_TOKENS * 32 + 1);

const fields: readonly (readonly [string, object, Expected])[] = [
  ["G9 no model", { model: undefined }, [400, REQUIRED, "model"]],
  ["G9 empty model", { model: "" }, [400, RANGE, "model"]],
  ["G9 number as model", { model: 5 }, [400, INVALID, "model"]],
  ["G9 long model", { model: "m".repeat(10_000) }, [400, RANGE, "model"]],
  ["G9 unknown model", { model: "nope" }, [404, "model_not_found", "model"]],
  ["G10 path", { model: "../../etc/passwd" }, [404, "model_not_found", "model"]],
  ["G10 NUL", { model: "a\0b" }, [404, "model_not_found", "model"]],
  ["G11 URL", { model: "http://169.254.169.254/" }, [404, "model_not_found", "model"]],
  ["G12 no messages", { messages: undefined }, [400, REQUIRED, "messages"]],
  ["G12 empty messages", { messages: [] }, [400, RANGE, "messages"]],
  [
    "G12 1,025 messages",
    { messages: new Array(1_025).fill({ role: "user", content: "a" }) },
    [400, RANGE, "messages"],
  ],
  ["G12 role", one({ role: "judge", content: "a" }), [400, INVALID, "messages[0].role"]],
  ["G12 nobody's tool", one({ role: "tool", content: "a" }), [400, REQUIRED, "messages[0].tool_call_id"]],
  ["G12 null content", one({ role: "user", content: null }), [400, INVALID, "messages[0].content"]],
  ["G12 object content", one({ role: "user", content: {} }), [400, INVALID, "messages[0].content"]],
  ["G12 a long name", one({ role: "user", content: "", name: long }), [400, RANGE, "messages[0].name"]],
  ...[0, -2].map(
    (value) => [`G13 max_tokens ${value}`, { max_tokens: value }, [400, RANGE, "max_tokens"]] as const,
  ),
  ...[1.5, "5"].map(
    (value) => [`G13 max_tokens ${value}`, { max_tokens: value }, [400, INVALID, "max_tokens"]] as const,
  ),
  ["G13 2^31", { max_tokens: 2 ** 31 }, [400, RANGE, "max_tokens"]],
  ["G13 1e999", { max_tokens: "1e999" }, [400, INVALID, "max_tokens"]],
  ...[0, -1, 1e9].map((value) => [`G14 n ${value}`, { n: value }, [400, RANGE, "n"]] as const),
  ["G14 64 pairs", { n: 64, ...steering({ compare: true }) }, [400, RANGE, "n"]],
  ...[-0.1, 2.1].map(
    (value) => [`G15 temperature ${value}`, { temperature: value }, [400, RANGE, "temperature"]] as const,
  ),
  ["G15 text", { temperature: "NaN" }, [400, INVALID, "temperature"]],
  ...[0, 1.0001, -1].map((value) => [`G16 top_p ${value}`, { top_p: value }, [400, RANGE, "top_p"]] as const),
  ...[-5, 1e9].map((value) => [`G16 top_k ${value}`, { top_k: value }, [400, RANGE, "top_k"]] as const),
  ["G16 presence", { presence_penalty: 2.0001 }, [400, RANGE, "presence_penalty"]],
  ["G16 frequency", { frequency_penalty: -2.0001 }, [400, RANGE, "frequency_penalty"]],
  ["G17 negative seed", { seed: -2 }, [400, RANGE, "seed"]],
  ["G17 fractional seed", { seed: 1.5 }, [400, INVALID, "seed"]],
  ["G18 bias of no token", { logit_bias: { 100000: 1 } }, [400, RANGE, "logit_bias"]],
  ["G18 bias of -101", { logit_bias: { 5: -101 } }, [400, RANGE, "logit_bias.5"]],
  ["G18 negative id", { logit_bias: { "-1": 1 } }, [400, INVALID, "logit_bias.-1"]],
  ["G19 21 alternatives", { logprobs: true, top_logprobs: 21 }, [400, RANGE, "top_logprobs"]],
  ["G19 without logprobs", { top_logprobs: 1 }, [400, INVALID, "top_logprobs"]],
  ["G20 empty stop", { stop: "" }, [400, RANGE, "stop"]],
  ["G20 17 stops", { stop: new Array(17).fill("a") }, [400, RANGE, "stop"]],
  ["G20 long stop", { stop: ["a".repeat(1_025)] }, [400, RANGE, "stop[0]"]],
  ["G21 format", { response_format: { type: "xml" } }, [400, INVALID, "response_format.type"]],
  [
    "G21 no schema",
    { response_format: { type: "json_schema", json_schema: { name: "x" } } },
    [400, REQUIRED, "response_format.json_schema.schema"],
  ],
  ["G21 a refused grammar", { guided_grammar: "x" }, [400, INVALID, "guided_grammar"]],
  ["two constraints", { guided_regex: "x", json_schema: {} }, [400, INVALID, "guided_regex"]],
  ["a constraint twice", { guided_regex: "x", guided_choice: ["x"] }, [400, INVALID, "guided_choice"]],
  [
    "speculation under a constraint",
    { guided_regex: "x", speculation: { prompt_lookup: {} } },
    [400, "unsupported", "speculation"],
  ],
  [
    "a long draft",
    { speculation: { prompt_lookup: { max_draft: 17 } } },
    [400, RANGE, "speculation.prompt_lookup.max_draft"],
  ],
  ["functions", { functions: [{ name: "f" }] }, [400, "unsupported", "functions"]],
  ["audio", { audio: {} }, [400, "unsupported", "audio"]],
  ["store", { store: true }, [400, "unsupported", "store"]],
  [
    "G24 10x context",
    { messages: [{ role: "user", content: long }] },
    [400, "context_length_exceeded", "prompt"],
  ],
  ["G24 max_tokens over context", { max_tokens: 512 }, [400, "context_length_exceeded", "max_tokens"]],
  [
    "G31 template arguments",
    { chat_template_kwargs: { a: 1 } },
    [400, "unsupported", "chat_template_kwargs"],
  ],
  ["G8 unknown field", { temprature: 1 }, [400, UNKNOWN, "temprature"]],
  ["unknown in steering", steering({ strenght: 1 }), [400, UNKNOWN, "steering.strenght"]],
  ["unknown in scaling", { scaling: { budgets: 1 } }, [400, UNKNOWN, "scaling.budgets"]],
  ["no strategy", { scaling: { budget: 1 } }, [400, UNKNOWN, "scaling.budget"]],
  ["strategy", { scaling: { strategy: "x" } }, [404, "strategy_not_found", "scaling.strategy"]],
  ["no recipe", { steering: {} }, [400, REQUIRED, "steering.recipe"]],
  ["both", steering({ direction: "d" }), [400, INVALID, "steering.direction"]],
  ["C1 unknown recipe", { steering: { recipe: "nope" } }, [404, "recipe_not_found", "steering.recipe"]],
  ["C3 recipe path", { steering: { recipe: "../x" } }, [400, INVALID, "steering.recipe"]],
  ["A10 scale", steering({ scale: 4.1 }), [400, RANGE, "steering.scale"]],
  ["A10 layer", steering({ layers: [4] }), [400, RANGE, "steering.layers"]],
  ["scale and dose", steering({ scale: 1, dose: { relative: 1 } }), [400, INVALID, "steering.dose"]],
  ["two doses", steering({ dose: { relative: 1, nats: 1 } }), [400, INVALID, "steering.dose"]],
  ["alias twice", steering({ scale: 1, strength: 1 }), [400, INVALID, "steering.strength"]],
  ["stream_options", { stream_options: { include_usage: true } }, [400, INVALID, "stream_options"]],
];

test.each(fields)("%s", async (_name, more, expected) => {
  expect(await outcome(await stack.post(CHAT, chatBody("hello", more)))).toEqual(expected);
});

test("G15 an infinite number is refused", async () => {
  const body = JSON.stringify(chatBody("hello")).replace(/}$/, ',"temperature":1e999}');
  expect(await outcome(await stack.post(CHAT, body))).toEqual([400, INVALID, "temperature"]);
});

const completions: readonly (readonly [string, object, Expected])[] = [
  ["no prompt", {}, [400, REQUIRED, "prompt"]],
  ["an empty list", { prompt: [] }, [400, RANGE, "prompt"]],
  ["ids and texts", { prompt: [1, "a"] }, [400, INVALID, "prompt[1]"]],
  ["K5 an id too large", { prompt: [9_999] }, [400, RANGE, "prompt[0]"]],
  ["nothing to do", { prompt: "a", max_tokens: 0 }, [400, INVALID, "max_tokens"]],
  ["suffix", { prompt: "a", suffix: "b" }, [400, "unsupported", "suffix"]],
  ["best_of", { prompt: "a", best_of: 3 }, [400, INVALID, "best_of"]],
];

test.each(completions)("completions: %s", async (_name, more, expected) => {
  expect(await outcome(await stack.post(COMPLETIONS, { model: "simulated", ...more }))).toEqual(expected);
});
