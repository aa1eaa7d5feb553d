/** Text that is held back, as it may become a stop string: it ends steps like any other, and belongs to an answer that is cut. */
import { expect, test } from "bun:test";
import { FinishReason } from "#proto/trimtab/type/v1/generation_pb.ts";
import { answering } from "../support/answering.ts";
import { chat } from "../support/asks.ts";
import { encode } from "../support/simulated-tokenizer.ts";

const steps = { strategy: "beam", budget: { candidates: 1 }, verifier: { name: "steps" }, trace: true };
const until = (...values: string[]) => ({ rule: { case: "separators" as const, value: { values } } });

/** Tokens of each step, and the answer. */
async function tokensOfSteps(text: string, stop: string[], scaling: object) {
  const tokens: number[] = [];
  let answer = "";
  const reasons: FinishReason[] = [];
  for await (const { event } of answering([text]).client.generate(chat("hello", { stop, scaling }))) {
    if (event.case === "delta") answer += event.value.text;
    if (event.case === "finished") reasons.push(event.value.reason);
    if (event.case === "search" && event.value.event.case === "step")
      tokens.push(event.value.event.value.tokens);
  }
  return { tokens, answer, reasons };
}

test("a step ends at its separator though a stop string may begin with it", async () => {
  const given = { ...steps, step: until("\n\n") };
  const { tokens, answer } = await tokensOfSteps("ab\n\ncd\n\ne", ["\n\nQ:"], given);
  expect(tokens).toEqual(["ab\n\n", "cd\n\n", "e"].map((step) => encode(step).length));
  expect(answer).toBe("ab\n\ncd\n\ne");
});

test("a separator that was held back belongs to the step that it ended, and ends no further one", async () => {
  const given = { ...steps, step: until("Step") };
  const { tokens } = await tokensOfSteps("aStepbbStepc", ["Step 9"], given);
  expect(tokens).toEqual(["aStep", "bbStep", "c"].map((step) => encode(step).length));
});

test("a final marker ends a candidate though a stop string may begin in it", async () => {
  const given = { ...steps, step: { ...until("\n"), finalMarkers: ["done\n"] } };
  const { answer, reasons } = await tokensOfSteps("a\ndone\nb\nc", ["\nQ"], given);
  expect([answer, reasons]).toEqual(["a\ndone\n", [FinishReason.STOP]]);
});

test("what might have become a stop string is part of an answer that the budget cut, or that had its most steps", async () => {
  const cut = { strategy: "greedy", budget: { tokens: 4n } };
  expect(await tokensOfSteps("abcSTxyz", ["STOP"], cut)).toMatchObject({
    answer: "abcST",
    reasons: [FinishReason.LENGTH],
  });
  // What was held back is told with no token of its own.
  expect((await tokensOfSteps("abcSTxyz", ["STOP"], { ...cut, trace: true })).tokens).toEqual([4, 0]);
  const few = { ...steps, step: { ...until("\n"), maxSteps: 2 } };
  const two = await tokensOfSteps("a\nb\nc\nd", ["\nQ"], few);
  expect(two).toEqual({ tokens: [2, 2], answer: "a\nb\n", reasons: [FinishReason.LENGTH] });
});

test("prefixes count once a step, however often a token might have ended it and did not", async () => {
  const given = { ...steps, step: until("\n\n") };
  const { usage } = await answering(["a\nb\nc\n\nd"]).client.complete(chat("hello", { scaling: given }));
  const prompt = usage?.promptTokens ?? 0;
  expect(usage?.scaling?.prefilledTokensWithoutReuse).toBe(prompt + prompt + encode("a\nb\nc\n\n").length);
});
