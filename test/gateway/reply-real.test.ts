/**
 * Mode "reply" on the real engine: the recipe's own words where its gate is open, and the model's to the letter where it is not.
 * The recipe has it as its own mode.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { reasonOf } from "../support/forward-service.ts";
import { putAlwaysRecipe } from "./support/always-recipe.ts";
import { type RealStack, startRealStack } from "./support/real-stack.ts";

setDefaultTimeout(120_000);
const QUESTION = "What is the capital of France?";
const RECIPES = join(import.meta.dir, "../../services/steering/recipes");
const TOKENS = 40;
let stack: RealStack;
beforeAll(async () => {
  stack = await startRealStack();
  putAlwaysRecipe(stack, "refusal", "reply");
});
afterAll(() => stack.close());

const use = (more: object = {}) => ({ recipe: "refusal", mode: "reply", ...more });

test("an open gate answers with the first example of the recipe, word for word, and says so", async () => {
  const [first] = readFileSync(join(RECIPES, "refusal", "refusal-responses.jsonl"), "utf8")
    .split("\n")
    .filter((line) => line.includes("refusal-13"))
    .map((line) => (JSON.parse(line) as { text: string }).text);
  const { text, extras } = await stack.chat(QUESTION, use(), TOKENS);
  expect(text).toBe(first as string);
  expect(extras.steered).toBe(true);
});

test("a recipe's own mode is what a use gets that names none, unless it asks for what a reply does not go with", async () => {
  const named = await stack.chat(QUESTION, use(), TOKENS);
  const own = await stack.chat(QUESTION, { recipe: "refusal" }, TOKENS);
  expect(own.text).toBe(named.text);
  const steered = await stack.chat(QUESTION, { recipe: "refusal", mode: "steer" }, TOKENS);
  expect(steered.text).not.toBe(named.text);
  for (const strength of [{ scale: 1 }, { layers: [12] }])
    expect((await stack.chat(QUESTION, { recipe: "refusal", ...strength }, TOKENS)).text).toBe(steered.text);
  const conversation = { messages: [{ role: "user", content: QUESTION }] };
  const score = (mode: string) =>
    stack.client.score({ conversation, answers: ["Paris."], steering: { recipe: "refusal", mode } });
  expect((await score("")).answers).toEqual((await score("steer")).answers);
  const spec = { prompt: { case: "conversation" as const, value: conversation }, maxTokens: 4 };
  const forks = stack.client.fork({
    spec: { ...spec, steering: { use: { recipe: "refusal" } } },
    continuations: ["The"],
  });
  expect((await forks).choices.length).toBe(1);
});

test("a shut gate leaves the answer alone", async () => {
  const plain = await stack.chat(QUESTION, undefined, TOKENS);
  const { text, extras } = await stack.chat(QUESTION, use({ force_gate: 0.4 }), TOKENS);
  expect([text, extras.steered]).toEqual([plain.text, false]);
});

test("what cannot have a reply, and what a reply cannot have, is refused by name", async () => {
  expect((await stack.chat(QUESTION, use({ scale: 1 }), TOKENS)).status).toBe(400);
  const parts = [use(), { recipe: "refusal" }];
  expect((await stack.chat(QUESTION, { parts }, TOKENS)).status).toBe(400);
  const steering = { recipe: "refusal", mode: "reply" };
  const conversation = { messages: [{ role: "user", content: QUESTION }] };
  expect(await reasonOf(stack.client.score({ conversation, answers: ["Paris."], steering }))).toBe(
    "UNSUPPORTED",
  );
  const spec = {
    ...{ prompt: { case: "conversation" as const, value: conversation }, maxTokens: 4 },
    steering: { use: steering },
  };
  expect(await reasonOf(stack.client.fork({ spec, continuations: ["The"] }))).toBe("UNSUPPORTED");
});
