/** A dose search whose candidates are all beyond a cap takes the best, and the recipe says so wherever it is shown. */
import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { doseLines } from "../../../cli/src/view/evaluation.ts";
import { build, setup } from "./support/build-setup.ts";
import { MODEL as modelDigest } from "./support/simulated-services.ts";

/** Builds the small recipe under a cap on perplexity; answers with the recipe as it is listed. */
async function built(cap: string) {
  const { recipesDir, room, start } = setup();
  await room.close();
  const file = join(recipesDir, "refusal", "recipe.toml");
  const text = readFileSync(file, "utf8");
  writeFileSync(file, text.replace("perplexity_ratio = 3.0", `perplexity_ratio = ${cap}`));
  const { client, room: second } = start();
  const told = (await build(client)).at(-1)?.recipe;
  const [listed] = (await client.listRecipes({ modelDigest })).recipes;
  expect(listed?.warnings).toEqual(told?.warnings as string[]);
  await second.close();
  if (!listed) throw new Error("the recipe was not built");
  return listed;
}

test("a dose beyond a cap is kept with a warning that names the cap", async () => {
  const recipe = await built("1.0001");
  expect(recipe.warnings).toHaveLength(1);
  expect(recipe.warnings[0]).toMatch(
    /^no dose within the caps of its search: perplexity ratio 1\.\d{3}, at most 1\.0001$/,
  );
  expect(doseLines(recipe).at(-1)).toContain(`warning: ${recipe.warnings[0]}`);
});

test("one within them carries none", async () => {
  const recipe = await built("3.0");
  expect(recipe.warnings).toEqual([]);
  expect(doseLines(recipe).join()).not.toContain("warning");
});
