/** Bad requests of the gRPC API: reason and field of each. What proto3 cannot express is not repeated from the HTTP tables. */
import { expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import { fromConnectError } from "#kit/errors.ts";
import { RenderChatResponseSchema } from "#proto/trimtab/tokenizer/v1/tokenizer_service_pb.ts";
import { MODES } from "../../gateway/src/flow/validate.ts";
import { MODES as KNOWN_MODES } from "../../services/steering/src/use.ts";
import { chat, refusal, text } from "./support/asks.ts";
import { CONTEXT_TOKENS } from "./support/simulated-session.ts";
import { createSimulatedStack } from "./support/simulated-services.ts";

const stack = createSimulatedStack();
const { client } = stack;
type Call = () => Promise<unknown>;
type Row = readonly [name: string, call: Call, reason: string, field: string | undefined];

const RANGE = "FIELD_OUT_OF_RANGE";
const REQUIRED = "FIELD_REQUIRED";
const INVALID = "INVALID_ARGUMENT";
const FINITE = "NON_FINITE";
const OVERFLOW = "CONTEXT_OVERFLOW";
const spec =
  (more: object): Call =>
  () =>
    client.complete(chat("hello", more));
const sampling = (more: object): Call => spec({ sampling: more });
const use = (more: object): Call => spec(refusal({}, more));
const messages = (...list: { role: string; content: string }[]): Call =>
  spec({ prompt: { case: "conversation", value: { messages: list } } });
const user = { role: "user", content: "hello" };

const plain = { case: "text", value: "a" } as const;
const input = { case: "conversation" as const, value: { messages: [user] } };
const capture = (more: object) => () => first(client.capture({ input, taps: [{ site: 1 }], ...more }));
const scored = (request: object) => () => client.score(request);
const rows: readonly Row[] = [
  ["no spec", () => client.complete({}), REQUIRED, "spec"],
  ["no prompt", spec({ prompt: { case: undefined } }), REQUIRED, "prompt"],
  ["G12 no messages", messages(), REQUIRED, "conversation.messages"],
  ["G12 1,025 messages", messages(...new Array(1_025).fill(user)), RANGE, "conversation.messages"],
  ["G12 a role", messages(user, { role: "judge", content: "" }), INVALID, "conversation.messages[1].role"],
  ["an empty text", () => client.complete(text("")), REQUIRED, "prompt"],
  ["no ids", spec({ prompt: { case: "ids", value: { ids: [] } } }), REQUIRED, "ids"],
  ["K5 an id", spec({ prompt: { case: "ids", value: { ids: [1, 70_000] } } }), RANGE, "ids.ids[1]"],
  ["G9 a model", spec({ model: "nope" }), "MODEL_NOT_FOUND", "model"],
  ["G9 a long model", spec({ model: "m".repeat(257) }), RANGE, "model"],
  ["G15 temperature", sampling({ temperature: 2.1 }), RANGE, "sampling.temperature"],
  ["G15 NaN temperature", sampling({ temperature: Number.NaN }), FINITE, "sampling.temperature"],
  ["G16 infinite penalty", sampling({ presencePenalty: Infinity }), FINITE, "sampling.presence_penalty"],
  ["G16 top_p of 0", sampling({ topP: 0 }), RANGE, "sampling.top_p"],
  ["G16 top_k", sampling({ topK: 2_000_000 }), RANGE, "sampling.top_k"],
  ["min_p", sampling({ minP: -0.1 }), RANGE, "sampling.min_p"],
  ["repetition penalty of 0", sampling({ repetitionPenalty: 0 }), RANGE, "sampling.repetition_penalty"],
  ["G18 a bias", sampling({ logitBias: { 3: 101 } }), RANGE, "sampling.logit_bias.3"],
  ["G18 a NaN bias", sampling({ logitBias: { 3: Number.NaN } }), FINITE, "sampling.logit_bias.3"],
  ["G18 a bias of no token", sampling({ logitBias: { 9_999: 1 } }), RANGE, "sampling.logit_bias"],
  ["G14 65 choices", spec({ choices: 65 }), RANGE, "choices"],
  ["G14 33 pairs", spec({ choices: 33, ...refusal({ compare: true }) }), RANGE, "choices"],
  ["G13 max_tokens of 2^32 - 1", spec({ maxTokens: 2 ** 32 - 1 }), RANGE, "max_tokens"],
  ["G19 21 alternatives", spec({ topLogprobs: 21 }), RANGE, "top_logprobs"],
  ["G20 an empty stop", spec({ stop: ["a", ""] }), INVALID, "stop[1]"],
  ["G20 17 stops", spec({ stop: new Array(17).fill("a") }), RANGE, "stop"],
  ["G24 prompt and max_tokens", spec({ maxTokens: CONTEXT_TOKENS }), OVERFLOW, "max_tokens"],
  ["G24 a prompt by tokens", () => client.complete(text("x".repeat(CONTEXT_TOKENS + 1))), OVERFLOW, "prompt"],
  ["G24 a prompt by bytes", () => client.complete(text("x".repeat(CONTEXT_TOKENS * 40))), OVERFLOW, "prompt"],
  ["no use", spec({ steering: {} }), REQUIRED, "steering.use.recipe"],
  ["recipe and direction", use({ direction: "d" }), INVALID, "steering.use.direction"],
  ["C3 a recipe path", use({ recipe: "../../x" }), INVALID, "steering.use.recipe"],
  ["C1 an unknown recipe", use({ recipe: "nope" }), "RECIPE_NOT_FOUND", "steering.use.recipe"],
  ["an unbuilt recipe", use({ recipe: "candour" }), "RECIPE_NOT_FOUND", "steering.use.recipe"],
  ["A10 a scale", use({ scale: -4.5 }), RANGE, "steering.use.scale"],
  ["A10 a NaN scale", use({ scale: Number.NaN }), FINITE, "steering.use.scale"],
  ["a gate", use({ forceGate: 1.1 }), RANGE, "steering.use.force_gate"],
  ["a dose", use({ dose: { dose: { case: "relative", value: 5 } } }), RANGE, "steering.use.dose.relative"],
  ["an empty dose", use({ dose: {} }), INVALID, "steering.use.dose"],
  ["A10 a layer", use({ layers: [0, 4] }), RANGE, "steering.use.layers"],
  ["a scope", use({ scope: 99 }), INVALID, "steering.use.scope"],
  ["a mode", use({ mode: "essay" }), INVALID, "steering.use.mode"],
  ["a strategy", spec({ scaling: { strategy: "x" } }), "STRATEGY_NOT_FOUND", "scaling.strategy"],
  ["a parameter", spec({ scaling: { parameters: { n: 1 } } }), "UNKNOWN_FIELD", "scaling.parameters.n"],
  ["17 verifiers", spec({ verifiers: new Array(17).fill({ name: "words" }) }), RANGE, "verifiers"],
  ["C1 a verifier", spec({ verifiers: [{ name: "nope" }] }), "VERIFIER_NOT_FOUND", "verifiers[0].name"],
  ["no input to tokenize", () => client.tokenize({}), REQUIRED, "input"],
  ["no answers to score", () => client.score({}), REQUIRED, "answers"],
  ["an answer of one token", () => client.score({ answers: ["a"] }), INVALID, "answers[0]"],
  ["answers twice", scored({ answers: ["ab"], answerIds: [{ ids: [1] }] }), INVALID, "answer_ids"],
  ["an id of no token", scored({ answerIds: [{ ids: [1, 2 ** 31] }] }), RANGE, "answer_ids[0].ids[1]"],
  ["an answer twice", capture({ answer: "a", answerIds: { ids: [1] } }), INVALID, "answer_ids"],
  ["an answer of no token", capture({ answerIds: { ids: [2 ** 31] } }), RANGE, "answer_ids.ids[0]"],
  ["ids after a text", capture({ answerIds: { ids: [1] }, input: plain }), INVALID, "answer_ids"],
  ["no continuations", () => client.fork(chat("hello")), REQUIRED, "continuations"],
  ["no artifact", () => client.putArtifact({}), REQUIRED, "put"],
  ["no taps", () => first(client.capture({ input: { case: "text", value: "a" } })), REQUIRED, "taps"],
];

async function first<T>(stream: AsyncIterable<T>): Promise<T | undefined> {
  for await (const item of stream) return item;
  return undefined;
}

test.each(rows)("%s is refused over gRPC by reason and field", async (_name, call, reason, field) => {
  const thrown = await call().then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(ConnectError);
  const error = fromConnectError(thrown);
  expect({ reason: error.reason, field: error.field }).toEqual({ reason: reason as never, field });
});

test("the modes that are let in are those that steering knows", () => {
  expect(new Set<string>(MODES)).toEqual(new Set(KNOWN_MODES));
});

test("an overflow names both numbers", async () => {
  const failure = await client.complete(chat("hello", { maxTokens: CONTEXT_TOKENS })).catch(fromConnectError);
  expect(failure).toMatchObject({ message: expect.stringMatching(/24 tokens.*512.*512/) });
});

test("an unbuilt recipe says how to build it", async () => {
  const failure = await client
    .complete(chat("hello", refusal({}, { recipe: "candour" })))
    .catch(fromConnectError);
  expect(failure).toMatchObject({ message: expect.stringContaining("trimtab recipe build candour") });
});

test("J7 a template that writes nothing is an empty prompt, and refused", async () => {
  const silent = createSimulatedStack();
  silent.clients.tokenizer.renderChat = () => Promise.resolve(create(RenderChatResponseSchema));
  const failure = await silent.client.complete(chat("hello")).catch(fromConnectError);
  expect(failure).toMatchObject({ reason: "FIELD_REQUIRED", field: "prompt" });
});

test("nothing of all this left anything behind, and the next request is served", async () => {
  expect((await client.complete(chat("hello"))).choices[0]?.text).toBe("Sure, I help.");
  expect([...stack.forward.alive]).toEqual([]);
  expect(stack.gateway.running()).toBe(0);
});
