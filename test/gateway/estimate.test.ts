/** What a request is let in for: its answers in full, or what its search may spend. */
import { expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { GenerationSpecSchema } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { tokensOfGeneration } from "../../gateway/src/admission/estimate.ts";
import { findStrategy } from "../../gateway/src/strategies/registry.ts";
import { text } from "./support/asks.ts";

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
