/** What a request is let in for: its answers in full, or what its search may spend. */
import { expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { createKeyGate } from "#kit/auth.ts";
import { connectTo } from "#kit/clients.ts";
import { fromConnectError } from "#kit/errors.ts";
import { GatewayService, GenerationSpecSchema } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { tokensOfGeneration } from "../../gateway/src/admission/estimate.ts";
import { findStrategy } from "../../gateway/src/strategies/registry.ts";
import { text } from "./support/asks.ts";
import { keyed } from "./support/keyed-stack.ts";
import { createSimulatedStack } from "./support/simulated-services.ts";

const ANSWER = 100;
/** Tokens of the answers of a spec. */
function answers(more: NonNullable<Parameters<typeof text>[1]>): number {
  const tokens = (spec: object) => tokensOfGeneration(create(GenerationSpecSchema, spec));
  const none = tokens(text("hello", { maxTokens: 1 }).spec) - 1;
  return tokens(text("hello", { maxTokens: ANSWER, ...more }).spec) - none;
}

test("choices count each, pairs twice, whether no search is asked for or none is named", () => {
  expect(answers({})).toBe(ANSWER);
  expect(answers({ choices: 8 })).toBe(8 * ANSWER);
  expect(answers({ choices: 8, scaling: { strategy: "none" } })).toBe(8 * ANSWER);
  expect(answers({ choices: 2, steering: { compare: true } })).toBe(4 * ANSWER);
});

test("a search counts what its budget allows, or as many candidates as its strategy has", () => {
  const search = (budget?: object) =>
    answers({ scaling: { strategy: "best-of-n", ...(budget && { budget }) } });
  expect(search({ tokens: 250n })).toBe(250);
  expect(search({ candidates: 3 })).toBe(3 * ANSWER);
  expect(search()).toBe((findStrategy("best-of-n")?.candidates ?? 0) * ANSWER);
});

test("answers that are scored take of a key's rate what the conversation before them takes", async () => {
  // Ten seconds of the rate at once: 100 tokens.
  const gate = createKeyGate({ apiKey: "", keys: [keyed("slow", { tokensPerSecond: 10 })] });
  const { routes } = createSimulatedStack({ gate }).gateway;
  const client = connectTo({ routes }, { apiKey: "key-of-slow" }).client(GatewayService);
  const conversation = { messages: [{ role: "user", content: "x".repeat(270) }] };
  const score = () =>
    client.score({ conversation, answers: ["yes"] }).then(
      () => "none",
      (error: unknown) => fromConnectError(error).reason,
    );
  expect([await score(), await score()]).toEqual(["none", "RATE_LIMITED"]);
});
