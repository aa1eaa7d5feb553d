/** Recipe files that are not what they must be: each is refused with its name and key, and nothing of it is built (row A14). */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readRecipe } from "../../../services/steering/src/recipes/recipe.ts";
import { writeSmallRecipe } from "./support/small-recipe.ts";
import { refusalOf } from "../../support/refusal.ts";

let directory: string;
beforeEach(() => {
  directory = writeSmallRecipe(mkdtempSync(join(tmpdir(), "trimtab-recipe-")));
});
afterEach(() => rmSync(directory, { recursive: true }));

type Change = (toml: string) => string | Uint8Array;
const replace =
  (from: string, to: string): Change =>
  (toml) => {
    expect(toml).toContain(from);
    return toml.replace(from, to);
  };

test.each<[string, Change]>([
  ["an unknown field", (toml) => `surprise = 1\n${toml}`],
  ["an unknown section", (toml) => `${toml}\n[pipeline]\nsteps = 3\n`],
  ["a section twice", (toml) => `${toml}\n[evaluation]\npassages = 2\n`],
  ["a key twice", replace("seed = 1", "seed = 1\nseed = 2")],
  ["no name", replace('name = "refusal"', "")],
  ["a name that is a path", replace('name = "refusal"', 'name = "../refusal"')],
  ["a file that is a path", replace('"passages.jsonl"', '"../../passages.jsonl"')],
  ["a number that is none", replace("learning_rate = 1e-2", "learning_rate = nan")],
  ["an endless number", replace("learning_rate = 1e-2", "learning_rate = inf")],
  ["a count over its limit", replace("answer_tokens = 8", "answer_tokens = 1000000")],
  ["a method nobody knows", replace('"response_contrast"', '"telepathy"')],
  ["a candidate that pushes nothing", replace("factor = 0.1", "factor = 0.0")],
  ["two classes of one name", replace('class = "borderline"', 'class = "harmless"')],
  ["an answer that is not there", replace('"refusals-train-1"', '"refusals-train-99"')],
  ["10,000 candidates", replace("candidates = [{", `candidates = [${"{ center = 0.5 }, ".repeat(10_000)}{`)],
  ["nesting of 50,000", (toml) => `x = ${"[".repeat(50_000)}${"]".repeat(50_000)}\n${toml}`],
  ["a text without an end", (toml) => `${toml}\nx = "`],
  ["bytes that are no text", () => Uint8Array.of(0xff, 0xfe, 0x00, 0x01)],
  ["nothing", () => ""],
])("A14 a recipe with %s is refused", (_name, change) => {
  const path = join(directory, "refusal", "recipe.toml");
  expect(readRecipe(join(directory, "refusal")).settings.name).toBe("refusal");
  writeFileSync(path, change(readFileSync(path, "utf8")));
  expect(refusal().reason).toBe("ARTIFACT_INVALID");
});

test.each([
  ["no JSON", "{"],
  ["a line that is a list", "[]"],
  ["an unknown field", '{"id":"a","text":"b","family":"c","split":"train","label":1}'],
  ["a split nobody knows", '{"id":"a","text":"b","family":"c","split":"dev"}'],
  ["a long text", JSON.stringify({ id: "a", text: "b".repeat(10_000), family: "c", split: "train" })],
])("A14 a prompt file with %s is refused, naming its line", (_name, line) => {
  writeFileSync(join(directory, "refusal", "harmful.jsonl"), line);
  const { reason, message } = refusal();
  expect(reason).toBe("ARTIFACT_INVALID");
  expect(message).toContain("harmful.jsonl line 1");
});

test("the line of a prompt file that is refused is counted as an editor counts it", () => {
  const row = JSON.stringify({ id: "a", text: "b", family: "c", split: "train" });
  writeFileSync(join(directory, "refusal", "harmful.jsonl"), `${row}\n\n\n{`);
  expect(refusal().message).toContain("harmful.jsonl line 4");
});

const refusal = () => refusalOf(() => readRecipe(join(directory, "refusal")));
