/** Data a recipe must not have: an empty class, copies and near-copies across splits; builds and fits refuse it. */
import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkLeakage, checkRecipeData } from "../../../services/steering/src/recipes/data-checks.ts";
import type { Prompt, Split } from "../../../services/steering/src/recipes/prompts.ts";
import { readRecipe } from "../../../services/steering/src/recipes/recipe.ts";
import { writeSmallRecipe } from "./support/small-recipe.ts";

const prompt = (id: string, text: string, split: Split): Prompt => ({ id, text, split, family: id });
const LONG = "please describe in a few words how the old clock in the tower of the town is wound";

test("near-copies are found across splits, and allowed within one", () => {
  const copy = `${LONG} up`;
  expect(() => checkLeakage([prompt("a", LONG, "train"), prompt("b", copy, "test")])).toThrow(
    "leakage: b (test)",
  );
  expect(() =>
    checkLeakage([prompt("a", "Hello, you!", "train"), prompt("b", "hello you", "validation")]),
  ).toThrow("leakage");
  expect(() => checkLeakage([prompt("a", LONG, "train"), prompt("b", copy, "train")])).not.toThrow();
  const other = "please describe in a few words how bread is baked in the villages of the north";
  expect(() => checkLeakage([prompt("a", LONG, "train"), prompt("b", other, "test")])).not.toThrow();
});

test("a recipe with an empty class, or with leakage, is refused by name", () => {
  const directory = mkdtempSync(join(tmpdir(), "trimtab-data-"));
  try {
    const folder = join(writeSmallRecipe(directory), "refusal");
    expect(() => checkRecipeData(readRecipe(folder))).not.toThrow();
    const file = join(folder, "harmful.jsonl");
    const lines = readFileSync(file, "utf8").split("\n");
    writeFileSync(file, lines.filter((line) => !line.includes('"validation"')).join("\n"));
    expect(() => checkRecipeData(readRecipe(folder))).toThrow("harmful.jsonl has no validation prompt");
    const leaked = { ...JSON.parse(lines[0] ?? ""), id: "leak", split: "validation" };
    writeFileSync(file, [...lines, JSON.stringify(leaked)].join("\n"));
    expect(() => checkRecipeData(readRecipe(folder))).toThrow("leakage: leak");
    writeFileSync(file, lines.join("\n"));
    const borderline = join(folder, "borderline.jsonl");
    writeFileSync(borderline, JSON.stringify({ ...leaked, id: "odd", split: "test" }));
    expect(() => checkRecipeData(readRecipe(folder))).toThrow("leakage: odd (test)");
    rmSync(borderline);
    writeFileSync(borderline, "");
    writeFileSync(join(folder, "passages.jsonl"), "\n");
    expect(() => checkRecipeData(readRecipe(folder))).toThrow("passages.jsonl has no passage");
  } finally {
    rmSync(directory, { recursive: true });
  }
});
