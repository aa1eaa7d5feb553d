/** Copies across splits are found however their letters are encoded and their words are set apart; different texts are no copies. */
import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkLeakage, checkRecipeData } from "../../../services/steering/src/recipes/data-checks.ts";
import type { Prompt, Split } from "../../../services/steering/src/recipes/prompts.ts";
import { readRecipe } from "../../../services/steering/src/recipes/recipe.ts";
import { setup } from "./support/build-setup.ts";

const prompt = (id: string, text: string, split: Split): Prompt => ({ id, text, split, family: id });
const leaks = (a: string, b: string): boolean => {
  try {
    checkLeakage([prompt("a", a, "train"), prompt("b", b, "test")]);
    return false;
  } catch {
    return true;
  }
};

const FRENCH = "Où est né le célèbre poète français qui a été exilé à Guernesey ?";
const HINDI = "मुझे दिल्ली के बारे में कुछ बताइए";
const CHINESE = "请用几句话描述一下小镇钟楼里那座古老的时钟是怎样上发条的";

test.each([
  ["letters and accents apart", FRENCH, FRENCH.normalize("NFD")],
  ["full-width letters", "write a poem about rain", "ｗｒｉｔｅ ａ ｐｏｅｍ ａｂｏｕｔ ｒａｉｎ"],
  ["a ligature", "find the office of the staff", "ﬁnd the oﬀice of the staﬀ"],
  ["a text without blanks and one sign more", CHINESE, `${CHINESE}呢？`],
])("a copy with %s is one", (_name, a, b) => expect(leaks(a, b)).toBe(true));

test.each([
  ["signs alone", "👍👍", "👎"],
  ["vowel signs of an abugida", HINDI, "मुझा दुल्ली को बोरा मूं कूछ बतोई"],
  ["another text without blanks", CHINESE, "北方村庄里的面包是怎样在石炉中烤出来的请简单说说"],
])("texts that differ in %s are no copies", (_name, a, b) => expect(leaks(a, b)).toBe(false));

test("a family in two splits is one however it is spelt", async () => {
  const { room, recipesDir } = setup();
  const file = join(recipesDir, "refusal", "harmful.jsonl");
  const lines = readFileSync(file, "utf8").split("\n");
  const late = { id: "late", text: "paint the old fence green", family: "Train-0 ", split: "validation" };
  writeFileSync(file, [...lines, JSON.stringify(late)].join("\n"));
  expect(() => checkRecipeData(readRecipe(join(recipesDir, "refusal")))).toThrow(
    "late (validation) are of one",
  );
  await room.close();
});
