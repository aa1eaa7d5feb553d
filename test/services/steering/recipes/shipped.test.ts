// The recipes that ship, and the one that docs/recipes.md writes: enough prompts, answers on both sides, a judge there is.
import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JsonObject } from "@bufbuild/protobuf";
import { readRecipes, type RecipeSource } from "../../../../services/steering/src/recipes/recipe.ts";
import { judge } from "../../verifier/service.ts";

const ROOT = join(import.meta.dir, "..", "..", "..", "..");
const SHIPPED = join(ROOT, "services", "steering", "recipes");
const own = mkdtempSync(join(tmpdir(), "trimtab-own-"));
afterAll(() => rmSync(own, { recursive: true }));

/** Writes the recipe of the page as its reader would: the first two JSON blocks and the TOML block. */
const page = await Bun.file(join(ROOT, "docs", "recipes.md")).text();
const [pirate, plain] = [...page.matchAll(/```json\n(.*?)```/gs)].map((match) => match[1] ?? "");
const toml = /```toml\n(.*?)```/s.exec(page)?.[1] ?? "";
mkdirSync(join(own, "pirate"));
for (const [name, text] of [
  ["recipe.toml", toml],
  ["pirate.jsonl", pirate],
  ["plain.jsonl", plain],
] as const) {
  writeFileSync(join(own, "pirate", name), text ?? "");
}
const recipes = readRecipes([SHIPPED, own]);
const shipped = readRecipes([SHIPPED]);

test("the page's recipe is one, beside those that ship", () => {
  expect([...recipes.keys()].sort()).toEqual([
    "concise",
    "formal",
    "french",
    "hedging",
    "json",
    "pirate",
    "positive",
    "refusal",
  ]);
  expect(recipes.get("pirate")?.negativeAnswers.length).toBe(4);
});

test("every shipped recipe has prompts to choose by and at least 60 to test with, and answers on both sides", () => {
  for (const { settings, steer, leave, positiveAnswers, negativeAnswers } of shipped.values()) {
    for (const prompts of settings.controller ? [steer, leave] : [steer]) {
      expect(prompts.filter(({ split }) => split === "validation").length).toBeGreaterThanOrEqual(24);
      expect(prompts.filter(({ split }) => split === "test").length).toBeGreaterThanOrEqual(60);
    }
    expect(Math.min(positiveAnswers.length, negativeAnswers.length)).toBeGreaterThanOrEqual(7);
  }
});

test("every recipe's judge takes its parameters and says its label of the behaviour, and not of its opposite", async () => {
  for (const { settings, positiveAnswers, negativeAnswers } of recipes.values()) {
    const hits = async (answers: RecipeSource["positiveAnswers"]): Promise<number> => {
      const { verifier: name, parameters, label } = settings.judge;
      const verdicts = await judge(
        name,
        parameters as JsonObject,
        answers.map(({ text }) => ({ text })),
      );
      return verdicts.filter((verdict) => verdict.label === label).length / answers.length;
    };
    // Of long answers a recipe holds the beginnings, which are short.
    const absent = settings.judge.verifier === "length" ? 0 : await hits(negativeAnswers);
    const shown = await hits(positiveAnswers);
    expect([settings.name, shown >= 0.75, absent <= 0.4]).toEqual([settings.name, true, true]);
  }
});

test("two recipes of one name are refused", () => {
  expect(() => readRecipes([SHIPPED, SHIPPED])).toThrow("two recipes are called");
});
