/**
 * What a recipe's prompts must be before anything is fitted to them: no class is empty where it is needed, and no prompt
 * of one split is a copy or near-copy of one in another (leakage), nor of a topic family that another has: an evaluation is on families
 * that nothing was chosen on. No text is both to be steered and to be left alone. Near: word 3-grams with a Jaccard similarity of 0.7 or
 * more, found through an index of the grams. Cost: linear in the words, but for grams that many prompts share.
 */
import { TrimtabError } from "#kit/errors.ts";
import type { Prompt } from "./prompts.ts";
import type { RecipeSource } from "./recipe.ts";

const GRAM = 3;
const NEAR_COPY = 0.7;

const checked = new WeakSet<RecipeSource>();

/** Checks a recipe, once. @throws TrimtabError ARTIFACT_INVALID naming the class or the two prompts. */
export function checkRecipeData(recipe: RecipeSource): void {
  if (checked.has(recipe)) return;
  const { steer, leave, borderline } = recipe.settings.prompts;
  checkClass(recipe.steer, steer.file);
  if (leave) checkClass(recipe.leave, leave.file);
  checkPart(recipe.passages, recipe.settings.prompts.passages, "passage");
  checkPart(recipe.positiveAnswers, recipe.settings.direction.positive, "answer");
  checkLeakage([...recipe.steer, ...recipe.leave, ...recipe.borderline]);
  checkFamilies(recipe.steer, steer.file);
  if (leave) checkFamilies(recipe.leave, leave.file);
  if (borderline) checkFamilies(recipe.borderline, borderline.file);
  checkOpposed(recipe);
  checked.add(recipe);
}

/** Throws if prompts of different splits are copies or near-copies. @throws TrimtabError ARTIFACT_INVALID. */
export function checkLeakage(prompts: readonly Prompt[]): void {
  const seen: { prompt: Prompt; grams: ReadonlySet<string> }[] = [];
  const index = new Map<string, number[]>();
  for (const prompt of prompts) {
    const grams = gramsOf(prompt.text);
    const shared = new Map<number, number>();
    for (const gram of grams)
      for (const other of index.get(gram) ?? []) shared.set(other, (shared.get(other) ?? 0) + 1);
    for (const [other, common] of shared) {
      const { prompt: before, grams: theirs } = seen[other] as (typeof seen)[number];
      const isCopy = common / (grams.size + theirs.size - common) >= NEAR_COPY;
      if (isCopy && before.split !== prompt.split) throw leak(before, prompt);
    }
    for (const gram of grams) {
      const list = index.get(gram);
      if (list) list.push(seen.length);
      else index.set(gram, [seen.length]);
    }
    seen.push({ prompt, grams });
  }
}

function checkFamilies(prompts: readonly Prompt[], file: string): void {
  const splits = new Map<string, Prompt>();
  for (const prompt of prompts) {
    const family = wordsOf(prompt.family).join(" ");
    const before = splits.get(family) ?? prompt;
    splits.set(family, before);
    if (before.split === prompt.split) continue;
    const where = `${before.id} (${before.split}) and ${prompt.id} (${prompt.split})`;
    throw new TrimtabError("ARTIFACT_INVALID", `leakage: ${where} are of one family`, { field: file });
  }
}

/** A text is to be steered or to be left alone. Families may be on both sides: their prompts are alike on purpose. */
function checkOpposed({ steer, leave, borderline, settings }: RecipeSource): void {
  const steered = new Map(steer.map((prompt) => [wordsOf(prompt.text).join(" "), prompt]));
  for (const prompt of [...leave, ...borderline]) {
    const same = steered.get(wordsOf(prompt.text).join(" "));
    if (!same) continue;
    const message = `${same.id} is to be steered and ${prompt.id}, the same text, to be left alone`;
    throw new TrimtabError("ARTIFACT_INVALID", message, { field: settings.prompts.steer.file });
  }
}

function checkClass(prompts: readonly Prompt[], file: string): void {
  const missing = (["train", "validation"] as const).find((split) =>
    prompts.every((each) => each.split !== split),
  );
  if (missing)
    throw new TrimtabError("ARTIFACT_INVALID", `${file} has no ${missing} prompt`, { field: file });
}

function checkPart(prompts: readonly Prompt[], file: string, what: string): void {
  if (prompts.length === 0)
    throw new TrimtabError("ARTIFACT_INVALID", `${file} has no ${what}`, { field: file });
}

/** A letter of a script that is written without blanks: each counts as a word. */
const UNSPACED =
  /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]/gu;

/** Words of a text as one reads them, however its letters are encoded; the text itself if it has none. */
function wordsOf(text: string): string[] {
  const plain = text.normalize("NFKC").toLowerCase();
  const words = plain.replace(UNSPACED, " $& ").match(/[\p{L}\p{M}\p{N}]+/gu);
  return words ?? [plain];
}

/** Word 3-grams; the whole text of one that is shorter. */
function gramsOf(text: string): ReadonlySet<string> {
  const words = wordsOf(text);
  if (words.length <= GRAM) return new Set([words.join(" ")]);
  return new Set(
    Array.from({ length: words.length - GRAM + 1 }, (_, i) => words.slice(i, i + GRAM).join(" ")),
  );
}

function leak(before: Prompt, prompt: Prompt): TrimtabError {
  return new TrimtabError(
    "ARTIFACT_INVALID",
    `leakage: ${prompt.id} (${prompt.split}) is a near-copy of ${before.id} (${before.split})`,
    { field: prompt.id },
  );
}
