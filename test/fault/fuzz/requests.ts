/** Requests as the gateway reads them: protobuf messages over Connect and OpenAI bodies, sound ones and damaged ones. */
import { create, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { Hono } from "hono";
import { serverInterceptors } from "#kit/interceptors.ts";
import { mountConnect } from "#kit/listeners.ts";
import { CompleteRequestSchema } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { anyFields, anySpec } from "../../gateway/support/arbitraries.ts";
import { chat } from "../../gateway/support/asks.ts";
import { createSimulatedStack } from "../../gateway/support/simulated-services.ts";
import { callUnary, MALFORMED, refusalOf } from "./connect-failure.ts";
import { mutateBytes, mutateText, pick, type Random, RefusedAs, type Target } from "./target.ts";

/** A gateway over simulated services; after all cases nothing may be left in it. */
export const stack = createSimulatedStack();
const connect = new Hono();
mountConnect(connect, { routes: stack.gateway.routes, interceptors: serverInterceptors() });
const METHOD = "/trimtab.gateway.v1.GatewayService/Complete";
const UNKNOWN_MODEL = { ...chat("hello"), spec: { ...chat("hello").spec, model: "nope" } };

/** A value of a fast-check arbitrary, chosen by the seed of the case. */
const sample = <T>(arbitrary: fc.Arbitrary<T>, random: Random): T =>
  fc.sample(arbitrary, { numRuns: 1, seed: random.below(2 ** 30) })[0] as T;
const encode = (request: object): Uint8Array =>
  toBinary(CompleteRequestSchema, create(CompleteRequestSchema, request));

/** Messages of Complete: first check = a message of the schema. */
export const messageTarget: Target<Uint8Array> = {
  name: "protobuf messages",
  cases: [600, 6_000],
  make(random) {
    const bytes = encode(chat("hello!", sample(anySpec, random)));
    return random.below(2) === 0 ? mutateBytes(bytes, random) : bytes;
  },
  async read(body) {
    const failure = await callUnary(connect, METHOD, body);
    if (failure) throw refusalOf(CompleteRequestSchema, failure);
  },
  isFirstCheck: ({ message }) => MALFORMED.test(message),
  reasons: [
    ...[
      "INVALID_ARGUMENT",
      "FIELD_REQUIRED",
      "FIELD_OUT_OF_RANGE",
      "NON_FINITE",
      "MODEL_NOT_FOUND",
      "RECIPE_NOT_FOUND",
    ],
    ...["VERIFIER_NOT_FOUND", "STRATEGY_NOT_FOUND"],
  ],
  corpus: [
    new Uint8Array(),
    Uint8Array.of(0x0a, 0xff),
    Uint8Array.of(0x0a, 0x02, 0x0a, 0x00),
    encode(UNKNOWN_MODEL),
  ],
};

const CHAT = { model: "simulated", messages: [{ role: "user", content: "hello!" }], max_tokens: 3 };
const TEXT = { model: "simulated", prompt: "hello!", max_tokens: 3 };

/** Bodies of both completions: first check = JSON. */
export const bodyTarget: Target<readonly [path: string, body: string]> = {
  name: "JSON bodies",
  cases: [600, 6_000],
  make(random) {
    const path = pick(random, ["/v1/chat/completions", "/v1/completions"]);
    const base = path.includes("chat") ? CHAT : TEXT;
    const body = JSON.stringify({ ...base, ...sample(anyFields, random) });
    return [path, random.below(3) === 0 ? mutateText(body, random) : body];
  },
  async read([path, body]) {
    const response = await stack.post(path, body);
    const text = await response.text();
    if (response.ok) return;
    const { error } = JSON.parse(text) as { error: { code: string; message: string; param?: string | null } };
    if (error.param === undefined) throw new Error(`an error without param: ${text}`);
    throw new RefusedAs(error.code, error.message);
  },
  isFirstCheck: ({ reason }) => reason === "invalid_json" || reason === "invalid_utf8",
  reasons: [
    ...[
      "invalid_json",
      "invalid_unicode",
      "unknown_field",
      "unsupported",
      "invalid_argument",
      "field_required",
    ],
    ...["field_out_of_range", "model_not_found", "recipe_not_found"],
  ],
  corpus: [
    ["/v1/chat/completions", ""],
    ["/v1/chat/completions", "[".repeat(100_000)],
    ["/v1/chat/completions", '{"model":"simulated","messages":[{"role":"user","content":"\\ud800"}]}'],
    ["/v1/chat/completions", '{"__proto__":1}'],
    ["/v1/completions", JSON.stringify({ ...TEXT, model: "nope" })],
    ["/v1/completions", JSON.stringify({ ...TEXT, steering: { recipe: "nope" } })],
    ["/v1/completions", JSON.stringify({ ...TEXT, suffix: "x" })],
    ["/v1/completions", JSON.stringify({ model: "simulated" })],
  ],
};
