/** What is wrong with a field is said under the name its client gave it by, not under ours. Over a socket. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createMetrics } from "#kit/metrics.ts";
import { startServer, type Server } from "#kit/server.ts";
import { GatewayService } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { TrimtabError } from "#kit/errors.ts";
import { eventStream } from "../../gateway/src/openai/sse.ts";
import { chatBody, outcome } from "./support/asks.ts";
import { createSimulatedStack } from "./support/simulated-services.ts";

const metrics = createMetrics("gateway");
const stack = createSimulatedStack({ metrics });
let server: Server;
beforeAll(async () => {
  const { routes, app } = stack.gateway;
  server = await startServer({
    ...{ name: "gateway", services: [GatewayService], routes, metrics },
    http: { port: 0, app },
  });
});
afterAll(() => server.close({ graceMs: 0 }));

async function paramOf(more: object): Promise<string | null> {
  const response = await fetch(`http://127.0.0.1:${server.httpPort}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(chatBody("hello", more)),
  });
  const [status, , param] = await outcome(response);
  expect(status).toBe(400);
  return param;
}

const SEARCH = { strategy: "best-of-n", verifier: "words" };
const CASES: readonly (readonly [name: string, more: object])[] = [
  ["max_completion_tokens", { max_completion_tokens: 0 }],
  ["n_predict", { n_predict: 512 }],
  ["repeat_penalty", { repeat_penalty: 3 }],
  ["guided_grammar", { guided_grammar: "x" }],
  ["guided_grammar", { guided_grammar: "x", stream: true }],
  ["guided_regex", { guided_regex: 5 }],
  ["guided_choice[1]", { guided_choice: ["a", 1] }],
  ["grammar", { grammar: [] }],
  ["guided_json", { guided_json: "{" }],
  ["guided_json", { guided_json: 5 }],
  ["guided_json", { guided_json: "[".repeat(100_000) + "]".repeat(100_000) }],
  ["guided_json", { guided_json: '{"type":"string","type":"object"}' }],
  ["structured_outputs.json", { structured_outputs: { json: `${'{"a":'.repeat(65)}1${"}".repeat(65)}` } }],
  ["structured_outputs.json", { structured_outputs: { json: 5 } }],
  ["structured_outputs.grammar", { structured_outputs: { grammar: "x" } }],
  ["guided_regex", { guided_json: {}, guided_regex: "a" }],
  [
    "speculative_config.num_speculative_tokens",
    { speculative_config: { method: "ngram", num_speculative_tokens: 17 } },
  ],
  ["speculative_config.method", { speculative_config: { method: "eagle" } }],
  ["steering.strength", { steering: { recipe: "refusal", strength: 5 } }],
  ["steering.layer_ids[0]", { steering: { recipe: "refusal", layer_ids: [-1] } }],
  ["steering.vector", { steering: { recipe: "refusal", vector: "d" } }],
  ["scaling.n", { scaling: { ...SEARCH, n: 0 } }],
  ["scaling.budget", { scaling: { ...SEARCH, budget: 0 } }],
  ["scaling.n", { scaling: { ...SEARCH, budget: 1, n: 1 } }],
  ["scaling.tokens_per_step", { scaling: { ...SEARCH, budget: 2, tokens_per_step: 0 } }],
  ["scaling.stop_token[0]", { scaling: { ...SEARCH, budget: 2, step_token: "\n", stop_token: [""] } }],
  ["scaling.max_steps", { scaling: { ...SEARCH, budget: 2, max_steps: -1 } }],
  ["scaling.max_steps", { scaling: { ...SEARCH, budget: 2, max_steps: 2, step: { tokens: 1 } } }],
  ["scaling.step_token[0]", { scaling: { ...SEARCH, budget: 2, step_token: [""] } }],
];
for (const [name, more] of CASES) {
  test(`${name} of ${JSON.stringify(more).slice(0, 100)}`, async () =>
    expect(await paramOf(more)).toBe(name));
}

/** A constraint that does not go with something is `constraint` to the flow, whatever it is. */
const CONSTRAINTS: readonly (readonly [string, object])[] = [
  ["response_format", { response_format: { type: "json_object" } }],
  ["structured_outputs.json_object", { structured_outputs: { json_object: true } }],
  ["guided_json", { guided_json: {} }],
  ["guided_regex", { guided_regex: "a" }],
  ["structured_outputs.regex", { structured_outputs: { regex: "a" } }],
];
for (const [name, constraint] of CONSTRAINTS) {
  test(`${name}, where no constraint may be`, async () => {
    const scaling = { strategy: "steered-proposal", verifier: "steps", budget: 4 };
    expect(await paramOf({ ...constraint, scaling })).toBe(name);
  });
}

test("in the error that ends a stream", async () => {
  async function* failing(): AsyncGenerator<object, void> {
    yield {};
    throw new TrimtabError("FIELD_OUT_OF_RANGE", "too many", { field: "max_tokens" });
  }
  const given = new Map([["max_tokens", "n_predict"]]);
  const text = await (await eventStream(failing, () => undefined, given)).text();
  expect(text).toContain('"param":"n_predict"');
});
