/** Deciding again on the real engine: a recipe whose gate is always open, asked every two tokens. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { createAudit } from "../../gateway/src/audit.ts";
import { putAlwaysRecipe } from "./support/always-recipe.ts";
import { type RealStack, startRealStack } from "./support/real-stack.ts";

setDefaultTimeout(120_000);
const NAME = "always";
const audited: unknown[] = [];
let stack: RealStack;

beforeAll(async () => {
  stack = await startRealStack({ audit: createAudit((fields) => void audited.push(fields)) });
  putAlwaysRecipe(stack, NAME);
});
afterAll(() => stack.close());

test("a gate that stays open gives the same answer, whether it is asked once or every two tokens", async () => {
  const question = "What is the capital of France?";
  const once = await stack.chat(question, { recipe: NAME }, 6);
  expect(audited).toHaveLength(1);
  const again = await stack.chat(question, { recipe: NAME, every_tokens: 2 }, 6);
  expect([again.text, again.extras.steered]).toEqual([once.text, true]);
  // Once on the prompt, and after the second and fourth token; the sixth is the last.
  expect(audited).toHaveLength(1 + 3);
});
