/** Keys keep apart what is read for them, also where a verifier asks forward on their behalf. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { startRealStack } from "./support/real-stack.ts";

setDefaultTimeout(120_000);
let stack: Awaited<ReturnType<typeof startRealStack>>;

beforeAll(async () => {
  stack = await startRealStack();
});
afterAll(() => stack.close());

const keyed = (key: string) => ({ headers: { authorization: `Bearer ${key}` } });
const LONG =
  "Tell me, in a few plain words that a child understands, why the sea is salt and rivers are not. ".repeat(
    2,
  );

/** Tokens the model read to judge a greedy answer, and those it did not have to. */
async function judged(key: string): Promise<number> {
  const messages = [{ role: "user", content: LONG }];
  const spec = {
    prompt: { case: "conversation" as const, value: { messages } },
    ...{ maxTokens: 4, sampling: { temperature: 0 }, verifiers: [{ name: "p_true" }] },
  };
  const { usage } = await stack.client.complete({ spec }, keyed(key));
  return usage?.verifiedTokens ?? 0;
}

test("what a verifier reads for one key is not found by another", async () => {
  const first = await judged("mine");
  const again = await judged("mine");
  expect(first).toBeGreaterThan(0);
  expect(again).toBeLessThan(first);
  expect(await judged("yours")).toBe(first);
});

/** Tokens of a text's prompt that were found in the cache. */
async function reused(value: string, options: ReturnType<typeof keyed> | undefined): Promise<number> {
  const spec = { prompt: { case: "text" as const, value }, maxTokens: 1 };
  return (await stack.client.complete({ spec }, options)).usage?.reusedTokens ?? 0;
}

test("what an echo scores for one key is not found by those without it", async () => {
  const prompt = `Once upon a time: ${LONG}`;
  const { headers } = keyed("scoring");
  const echo = { prompt, echo: true, logprobs: 0, max_tokens: 0 };
  expect((await stack.post("/v1/completions", echo, headers)).status).toBe(200);
  expect(await reused(prompt, undefined)).toBe(0);
  expect(await reused(prompt, keyed("scoring"))).toBeGreaterThan(0);
});
