/** Steering that decides again while it answers: on the tokens generated so far, before the next one, or not at all. */
import { expect, test } from "bun:test";
import { chat, refusal } from "./support/asks.ts";
import { reasonOf } from "../support/forward-service.ts";
import { createSimulatedStack, type SimulatedStack } from "./support/simulated-services.ts";
import { encode } from "./support/simulated-tokenizer.ts";

/** Answers "ab!" and then "s" for steered and "b" for base tokens. */
function answering(): SimulatedStack {
  const stack = createSimulatedStack();
  stack.forward.script = function* ({ strength }) {
    yield* encode("ab!");
    for (let i = 0; i < 6; i++) yield (strength() > 0 ? "s" : "b").charCodeAt(0);
  };
  return stack;
}
const ask = async (stack: SimulatedStack, everyTokens: number, text = "hello") => {
  const { choices } = await stack.client.complete(chat(text, refusal({}, { everyTokens })));
  return choices[0];
};
const plans = (stack: SimulatedStack) => stack.steering.calls.filter((name) => name === "Plan").length;

test("what an answer turns into opens the gate that its prompt left shut, from the next token on", async () => {
  const stack = answering();
  expect((await ask(stack, 1))?.text).toBe("ab!ssssss");
  expect(plans(stack)).toBe(1 + 9);
});

test("decided once, on the prompt, the same answer is left alone", async () => {
  const stack = answering();
  expect((await ask(stack, 0))?.text).toBe("ab!bbbbbb");
  expect(plans(stack)).toBe(1);
});

test("every four tokens means every four tokens", async () => {
  const stack = answering();
  expect((await ask(stack, 4))?.text).toBe("ab!bsssss");
  expect(plans(stack)).toBe(1 + 2);
});

test("a decision that fails fails the answer: it never goes on with stale coefficients", async () => {
  const stack = answering();
  let calls = 0;
  stack.steering.before = (name) =>
    name === "Plan" && ++calls > 2 ? Promise.reject(new Error("boom")) : undefined;
  expect(await reasonOf(ask(stack, 1))).toBe("STEERING_UNAVAILABLE");
  expect(stack.forward.alive.size).toBe(0);
});

test("it is refused where nothing could be decided again", async () => {
  const stack = answering();
  const speculation = { source: { case: "promptLookup" as const, value: { ngram: 2, maxDraft: 4 } } };
  const spec = chat("hello", { ...refusal({}, { everyTokens: 2 }), speculation });
  expect(await reasonOf(stack.client.complete(spec))).toBe("UNSUPPORTED");
  const endless = chat("hello", refusal({}, { everyTokens: 2 ** 31 }));
  expect(await reasonOf(stack.client.complete(endless))).toBe("FIELD_OUT_OF_RANGE");
});
