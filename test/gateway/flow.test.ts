/** The flow of a steered answer over simulated services. */
import { expect, test } from "bun:test";
import { createSimulatedStack } from "./support/simulated-services.ts";

const ask = (content: string, more: object = {}) => ({
  spec: {
    prompt: { case: "conversation" as const, value: { messages: [{ role: "user", content }] } },
    ...more,
  },
});
const refusal = (more: object = {}) => ({ steering: { use: { recipe: "refusal" }, ...more } });

test("an unsteered request answers with the model's text and never asks steering", async () => {
  const stack = createSimulatedStack();
  const answer = await stack.client.complete(ask("hello!"));
  expect(answer.choices.map((choice) => choice.text)).toEqual(["Sure, I help."]);
  expect(answer.choices[0]?.finished?.steered).toBe(false);
  expect(answer.plan).toBeUndefined();
  expect(stack.steering.calls).toEqual([]);
});

test("a steered request is planned on its prompt and generated under the program", async () => {
  const stack = createSimulatedStack();
  const answer = await stack.client.complete(ask("hello!", refusal({ proof: true })));
  expect(answer.choices[0]?.text).toBe("I cannot help with that.");
  expect(answer.choices[0]?.finished?.steered).toBe(true);
  expect(answer.choices[0]?.finished?.proof.map((layer) => layer.layer)).toEqual([2]);
  expect(answer.plan?.gate).toBeCloseTo(0.9);
  expect(answer.usage?.replayedTokens).toBe(1);
});
