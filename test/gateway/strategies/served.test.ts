/** One call: a search over the session protocol, with simulated services. What is spent, chosen, and left behind. */
import { expect, test } from "bun:test";
import { SearchEnd } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { FinishReason } from "#proto/trimtab/type/v1/generation_pb.ts";
import { answering } from "../support/answering.ts";
import { chat, refusal } from "../support/asks.ts";
import { createSimulatedStack } from "../support/simulated-services.ts";
import { encode } from "../support/simulated-tokenizer.ts";

const words = { name: "words" };

test("best-of-n answers with the best judged candidate and bills every token of all of them", async () => {
  const texts = ["one", "one two three", "one two"];
  const stack = answering(texts);
  const scaling = { strategy: "best-of-n", budget: { candidates: 3 }, verifier: words, trace: true };
  const answer = await stack.client.complete(chat("hello", { scaling, sampling: { seed: 9n } }));
  expect(answer.choices.map(({ text }) => text)).toEqual(["one two three"]);
  const { search, usage } = answer;
  expect(search).toMatchObject({ candidate: 2, end: SearchEnd.COMPLETE, strategy: "best-of-n", seed: 9n });
  expect(search?.candidates.map(({ text, score }) => [text, score])).toEqual([
    ["one", 0.1],
    ["one two three", 0.3],
    ["one two", 0.2],
  ]);
  const generated = texts.join("").length;
  expect(usage?.completionTokens).toBe(generated);
  expect(usage?.prefilledTokens).toBe(usage?.promptTokens ?? -1);
  const prompt = usage?.promptTokens ?? 0;
  expect(usage?.scaling).toMatchObject({
    candidates: 3,
    generatedTokens: generated,
    discardedTokens: generated - "one two three".length,
    prefilledTokensWithoutReuse: 3 * prompt,
    verifierCalls: 3,
    verifierTokens: 7,
  });
});

test("self-consistency stops as soon as the majority is settled, and says so", async () => {
  const stack = answering(["it is 7", "so 7", "7.", "1 + 6 = 7", "8"]);
  const scaling = { strategy: "self-consistency", budget: { candidates: 16 } };
  const { search, choices } = await stack.client.complete(chat("hello", { scaling }));
  expect(search?.end).toBe(SearchEnd.SETTLED);
  expect(search?.answers).toMatchObject([{ answer: "7", votes: 4, weight: 4 }]);
  expect(search?.candidates).toHaveLength(4);
  expect(choices[0]?.text).toContain("7");
});

test("C8 a budget of tokens is never exceeded, whatever the candidates leave of their shares", async () => {
  for (const tokens of [3, 10, 17, 29, 64]) {
    const stack = answering(["a", "bb bb bb bb bb bb", "ccc ccc ccc ccc ccc ccc"]);
    const scaling = {
      strategy: "best-of-n",
      budget: { candidates: 3, tokens: BigInt(tokens) },
      verifier: words,
    };
    const { usage, search } = await stack.client.complete(chat("hello", { scaling }));
    const spent = usage?.scaling?.generatedTokens ?? 0;
    expect(spent).toBeLessThanOrEqual(tokens);
    expect(spent).toBeGreaterThan(Math.min(tokens, 42) - 3);
    expect(search?.end).toBe(tokens < 42 ? SearchEnd.BUDGET : SearchEnd.COMPLETE);
  }
});

test("C8 what a verifier has the model read is held back of the budget, and what does not fit is not read", async () => {
  const texts = ["one", "one two three", "one two"];
  const budget = { candidates: 3 };
  for (const tokens of [12, 40, 60, 400]) {
    const stack = answering(texts);
    const bounded = { ...budget, tokens: BigInt(tokens) };
    const scaling = { strategy: "best-of-n", budget: bounded, verifier: { name: "asker" }, trace: true };
    const { usage, search } = await stack.client.complete(chat("hello", { scaling }));
    const { generatedTokens = 0, verifierTokens = 0 } = usage?.scaling ?? {};
    expect(generatedTokens + verifierTokens).toBeLessThanOrEqual(tokens);
    expect(generatedTokens).toBeGreaterThan(0);
    // Something is always left for the verifier, and nobody fails for want of tokens.
    expect(verifierTokens).toBeGreaterThan(0);
    expect(search?.degraded).toBe(false);
    expect(search?.end).toBe(tokens < 400 ? SearchEnd.BUDGET : SearchEnd.COMPLETE);
  }
});

test("when the time is up the candidates are cut, one is chosen and nothing is left behind", async () => {
  const stack = answering(["never ends ".repeat(20)]);
  stack.forward.beforeToken = () => Bun.sleep(5);
  const scaling = { strategy: "best-of-n", budget: { candidates: 2, milliseconds: 300 }, verifier: words };
  const { search, choices } = await stack.client.complete(chat("hello", { scaling }));
  expect(search?.end).toBe(SearchEnd.BUDGET);
  expect(choices[0]?.finished?.reason).toBe(FinishReason.LENGTH);
  expect([...stack.forward.alive]).toEqual([]);
});

test("candidates are steered as the request says, or each its own way", async () => {
  const stack = createSimulatedStack();
  const search = { strategy: "best-of-n", budget: { candidates: 4 }, verifier: words, trace: true };
  const steered = await stack.client.complete(chat("hello!", { scaling: search, ...refusal() }));
  expect(steered.choices[0]).toMatchObject({ text: "I cannot help with that.", finished: { steered: true } });
  const diversify = [{}, { recipe: "refusal" }];
  const mixed = await stack.client.complete(chat("hello!", { scaling: { ...search, diversify } }));
  expect(mixed.search?.candidates.map(({ text }) => text.slice(0, 4))).toEqual([
    "Sure",
    "I ca",
    "Sure",
    "I ca",
  ]);
  expect([...stack.forward.alive]).toEqual([]);
});

test("one verifier of steps and answers judges no text twice, and two of them divide the work", async () => {
  const stack = answering(["a\n\nb", "cc\n\ndd"]);
  const filter = {
    strategy: "beam",
    budget: { candidates: 2 },
    parameters: { branching: 2, choose: "best" },
  };
  const one = { ...filter, verifier: { name: "steps" } };
  const alone = await stack.client.complete(chat("hello", { scaling: one }));
  expect(alone.usage?.scaling?.verifierCalls).toBe(4);
  const both = { ...filter, verifier: words, processVerifier: { name: "steps" } };
  const divided = await stack.client.complete(chat("hello", { scaling: both }));
  expect(divided.usage?.scaling?.verifierCalls).toBe(4);
});

test("the request's own verifiers are shown the tokens of the answer that was chosen, and why it ended", async () => {
  const stack = answering(["one", "one two three"]);
  const seen: unknown[] = [];
  stack.verifier.before = ({ items }) => {
    for (const { text, tokens, finishReason } of items) {
      seen.push([text, tokens.map(({ id }) => id), finishReason]);
    }
  };
  const ask = async (budget: object) => {
    const scaling = { strategy: "self-consistency", budget: { candidates: 1, ...budget } };
    await stack.client.complete(chat("hello", { scaling, verifiers: [words] }));
    return seen.at(-1);
  };
  expect(await ask({})).toEqual(["one", encode("one"), FinishReason.STOP]);
  expect(await ask({ tokens: 2n })).toEqual(["on", encode("on"), FinishReason.LENGTH]);
});
