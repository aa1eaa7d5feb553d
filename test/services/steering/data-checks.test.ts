/** Data a recipe must not have: an empty class, copies and near-copies across splits; builds and fits refuse it. */
import { expect, test } from "bun:test";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkLeakage, checkRecipeData } from "../../../services/steering/src/recipes/data-checks.ts";
import type { Prompt, Split } from "../../../services/steering/src/recipes/prompts.ts";
import { readRecipe, readRecipes } from "../../../services/steering/src/recipes/recipe.ts";
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
    const family = { ...leaked, id: "late", text: "paint the old fence of the garden green" };
    writeFileSync(file, [...lines, JSON.stringify(family)].join("\n"));
    expect(() => checkRecipeData(readRecipe(folder))).toThrow(
      "leakage: harmful-train-0 (train) and late (validation) are of one family",
    );
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

test("a text on both sides of the gate is refused by both ids; a family may be on both", () => {
  const directory = mkdtempSync(join(tmpdir(), "trimtab-data-"));
  try {
    const folder = join(writeSmallRecipe(directory), "refusal");
    for (const name of ["harmless", "borderline"]) {
      const file = join(folder, `${name}.jsonl`);
      const lines = readFileSync(file, "utf8");
      const twin = { id: "twin", text: "Do bad thing: number 2!", family: "train-2", split: "train" };
      writeFileSync(file, `${lines}\n${JSON.stringify(twin)}`);
      expect(() => checkRecipeData(readRecipe(folder))).toThrow(
        "harmful-train-2 is to be steered and twin, the same text, to be left alone",
      );
      writeFileSync(file, `${lines}\n${JSON.stringify({ ...twin, text: "do fine thing" })}`);
      expect(() => checkRecipeData(readRecipe(folder))).not.toThrow();
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("recipes come in the order of their folders' names, whatever the file system says", () => {
  const directory = mkdtempSync(join(tmpdir(), "trimtab-order-"));
  try {
    const names = ["zeta", "alpha", "mid", "beta", "omega", "eta", "kappa", "nu"];
    const first = writeSmallRecipe(join(directory, "one"));
    for (const name of names) {
      cpSync(join(first, "refusal"), join(directory, "all", name), { recursive: true });
      const file = join(directory, "all", name, "recipe.toml");
      writeFileSync(file, readFileSync(file, "utf8").replace('name = "refusal"', `name = "${name}"`));
    }
    expect([...readRecipes([join(directory, "all")]).keys()]).toEqual(names.toSorted());
  } finally {
    rmSync(directory, { recursive: true });
  }
});
