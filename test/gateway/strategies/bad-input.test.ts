/** Searches that make no sense are refused before a token is computed, by reason and by the client's own field. */
import { expect, test } from "bun:test";
import { fromConnectError } from "#kit/errors.ts";
import { chat, outcome, chatBody, refusal } from "../support/asks.ts";
import { createSimulatedStack } from "../support/simulated-services.ts";

type Spec = NonNullable<Parameters<typeof chat>[1]>;
type Scaling = NonNullable<Spec["scaling"]>;

const words = { name: "words" };
const best = { strategy: "best-of-n", verifier: words };
const filter = { strategy: "particle-filtering", verifier: { name: "steps" } };
const of = (scaling: Scaling, more: Spec = {}): Spec => ({ scaling, ...more });
const separators = (values: string[]): Scaling => ({
  ...filter,
  step: { rule: { case: "separators", value: { values } } },
});

test.each<[string, Spec, string, string]>([
  ["an unknown strategy", of({ strategy: "beans" }), "STRATEGY_NOT_FOUND", "scaling.strategy"],
  ["an unknown parameter", of({ ...filter, parameters: { n: 1 } }), "UNKNOWN_FIELD", "scaling.parameters.n"],
  [
    "a parameter of another",
    of({ ...best, parameters: { branching: 2 } }),
    "UNKNOWN_FIELD",
    "scaling.parameters.branching",
  ],
  [
    "a parameter out of range",
    of({ ...filter, parameters: { max_steps: 0 } }),
    "FIELD_OUT_OF_RANGE",
    "scaling.parameters.max_steps",
  ],
  [
    "a parameter of no kind",
    of({ ...filter, parameters: { weights: "x" } }),
    "FIELD_OUT_OF_RANGE",
    "scaling.parameters.weights",
  ],
  ["parameters without strategy", of({ parameters: { n: 1 } }), "UNKNOWN_FIELD", "scaling.parameters.n"],
  [
    "a verifier without strategy",
    of({ strategy: "none", verifier: words }),
    "UNKNOWN_FIELD",
    "scaling.verifier",
  ],
  [
    "too many tokens",
    of({ ...best, budget: { tokens: 1n << 21n } }),
    "FIELD_OUT_OF_RANGE",
    "scaling.budget.tokens",
  ],
  ["too few tokens", of({ ...best, budget: { tokens: 7n } }), "FIELD_OUT_OF_RANGE", "scaling.budget.tokens"],
  [
    "too many candidates",
    of({ ...best, budget: { candidates: 257 } }),
    "FIELD_OUT_OF_RANGE",
    "scaling.budget.candidates",
  ],
  [
    "too much time",
    of({ ...best, budget: { milliseconds: 600_001 } }),
    "FIELD_OUT_OF_RANGE",
    "scaling.budget.milliseconds",
  ],
  ["no verifier", of({ strategy: "best-of-n" }), "FIELD_REQUIRED", "scaling.verifier"],
  ["a verifier without name", of({ ...best, verifier: {} }), "FIELD_REQUIRED", "scaling.verifier.name"],
  [
    "an unknown verifier",
    of({ ...best, verifier: { name: "x" } }),
    "VERIFIER_NOT_FOUND",
    "scaling.verifier.name",
  ],
  [
    "a verifier of the wrong kind",
    of({ ...filter, verifier: words }),
    "INVALID_ARGUMENT",
    "scaling.verifier",
  ],
  [
    "one that judges no steps",
    of({ ...filter, processVerifier: words }),
    "INVALID_ARGUMENT",
    "scaling.process_verifier",
  ],
  [
    "an empty step",
    of({ ...filter, step: { rule: { case: "tokens", value: 0 } } }),
    "FIELD_OUT_OF_RANGE",
    "scaling.step.tokens",
  ],
  ["no separators", of(separators([])), "FIELD_REQUIRED", "scaling.step.separators"],
  ["an empty separator", of(separators([""])), "INVALID_ARGUMENT", "scaling.step.separators[0]"],
  ["a long separator", of(separators(["x".repeat(65)])), "FIELD_OUT_OF_RANGE", "scaling.step.separators[0]"],
  [
    "a long marker",
    of({ ...best, answer: { marker: "x".repeat(257) } }),
    "FIELD_OUT_OF_RANGE",
    "scaling.answer.marker",
  ],
  [
    "an unknown form",
    of({ ...best, answer: { form: 9 as never } }),
    "INVALID_ARGUMENT",
    "scaling.answer.form",
  ],
  ["several choices", of(best, { choices: 2 }), "UNSUPPORTED", "choices"],
  ["a comparison", of(best, refusal({ compare: true })), "UNSUPPORTED", "steering.compare"],
  ["log-probabilities", of(best, { logprobs: true }), "UNSUPPORTED", "logprobs"],
  ["steering twice", of({ ...best, diversify: [{}] }, refusal()), "UNSUPPORTED", "scaling.diversify"],
  [
    "an unknown steering",
    of({ ...best, diversify: [{ recipe: "nope" }] }),
    "RECIPE_NOT_FOUND",
    "scaling.diversify[0].recipe",
  ],
  [
    "a steering out of range",
    of({ ...best, diversify: [{}, { recipe: "refusal", scale: 5 }] }),
    "FIELD_OUT_OF_RANGE",
    "scaling.diversify[1].scale",
  ],
])("%s is refused", async (_, more, reason, field) => {
  const { client, forward } = createSimulatedStack();
  const failure = await client.complete(chat("hello", more)).catch(fromConnectError);
  expect(failure).toMatchObject({ reason, field });
  expect(forward.sessions).toBe(0);
});

test.each<[string, object, string, string]>([
  ["an unknown field", { budgets: 1 }, "unknown_field", "scaling.budgets"],
  ["two budgets", { budget: 2, n: 2 }, "invalid_argument", "scaling.n"],
  ["a budget of no kind", { budget: "8" }, "invalid_argument", "scaling.budget"],
  ["a fraction of a candidate", { budget: 1.5 }, "invalid_argument", "scaling.budget"],
  ["a budget of nothing", { budget: 0 }, "field_out_of_range", "scaling.budget"],
  ["no tokens at all", { budget: { tokens: 0 } }, "field_out_of_range", "scaling.budget.tokens"],
  ["two step rules", { step: { tokens: 2, separators: ["\n"] } }, "invalid_argument", "scaling.step"],
  [
    "comparison in diversify",
    { diversify: [{ compare: true }] },
    "unknown_field",
    "scaling.diversify[0].compare",
  ],
])("in a body %s is refused by name", async (_, scaling, code, param) => {
  const stack = createSimulatedStack();
  const body = chatBody("hello", { scaling: { strategy: "best-of-n", verifier: "words", ...scaling } });
  expect(await outcome(await stack.post("/v1/chat/completions", body))).toEqual([400, code, param]);
});
