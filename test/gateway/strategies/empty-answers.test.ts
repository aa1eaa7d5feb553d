/** Candidates that say nothing: no verifier that reads tokens can judge them, and no search ends by that. */
import { expect, test } from "bun:test";
import { answering } from "../support/answering.ts";
import { chat } from "../support/asks.ts";

test.each(["best-of-n", "weighted-majority", "particle-filtering", "beam"])(
  "%s: an empty answer that cannot be judged is worth nothing, and fails no search",
  async (strategy) => {
    const stack = answering(["", "so 7", ""]);
    stack.verifier.judge = (text) => (text === "" ? "FIELD_REQUIRED" : 0.2);
    const scaling = { strategy, budget: { candidates: 3 }, verifier: { name: "steps" }, trace: true };
    const { choices, search } = await stack.client.complete(chat("hello", { scaling }));
    expect(choices[0]?.text).toBe("so 7");
    expect(search?.degraded).toBe(false);
    const empty = search?.candidates.filter(({ text }) => text === "") ?? [];
    expect(empty.every(({ score }) => score === 0)).toBe(true);
  },
);

test("an answer that the time cut before it began fails no strict search either", async () => {
  const stack = answering(["so 7"]);
  stack.verifier.judge = (text) => (text === "" ? "FIELD_REQUIRED" : 0.2);
  stack.forward.beforeToken = () => Bun.sleep(150);
  const budget = { candidates: 2, milliseconds: 30 };
  const scaling = { strategy: "best-of-n", budget, verifier: { name: "words" }, trace: true };
  const { choices, search } = await stack.client.complete(chat("hello", { scaling }));
  expect([choices[0]?.text, search?.degraded]).toEqual(["", false]);
});
