/**
 * The recipe's own prompts, read as data: gates on text and on activations learn from what the controller learns from (from all of
 * it, where the recipe takes a part), so that they differ in what they read and not in what they were shown. Nothing of the lab's
 * prompts is learned from.
 */
import { join } from "node:path";
import type { TrainingPrompt } from "./activation-gates.ts";
import type { Passage } from "./degradation.ts";
import { readLines } from "./prompts.ts";

interface RecipeLine {
  readonly id: string;
  readonly text: string;
  readonly family: string;
  readonly split: string;
}

const RECIPES = join(import.meta.dir, "..", "..", "..", "services", "steering", "recipes");

/** A prompt that the recipe's controller learned from or was chosen on. */
export interface RecipePrompt extends TrainingPrompt {
  readonly family: string;
}

/** Harmful and harmless prompts of the refusal recipe, of its training and validation splits. */
export function readTraining(recipe: string): RecipePrompt[] {
  return ["harmful", "harmless"].flatMap((name) =>
    readLines<RecipeLine>(join(RECIPES, recipe, `${name}.jsonl`))
      .filter(({ split }) => split !== "test")
      .map(({ id, text, family, split }) => ({ id, text, family, split, isHarmful: name === "harmful" })),
  );
}

/** Answers of a recipe, in the file's order. */
export function readAnswers(recipe: string, file: string): string[] {
  return readLines<RecipeLine>(join(RECIPES, recipe, `${file}.jsonl`)).map(({ text }) => text);
}

/** The recipe's harmless passages, each as the answer to a request for one. */
export function readPassages(recipe: string): Passage[] {
  return readLines<RecipeLine>(join(RECIPES, recipe, "passages.jsonl")).map(({ id, text, family }) => ({
    id,
    text,
    request: `Write a short passage about ${family.replaceAll("-", " ")}.`,
  }));
}
