// A recipe without a gate always acts: it is built, evaluated and planned without a controller.
import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BuildState } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { readRecipe } from "../../../services/steering/src/recipes/recipe.ts";
import { build, setup } from "./support/build-setup.ts";
import { MODEL } from "./support/simulated-services.ts";

test("it needs no prompts to leave alone, and every prompt of its evaluation is steered", async () => {
  const { client, room } = setup({ gated: false });
  const states = await build(client);
  const { state, recipe, phaseCount } = states.at(-1) ?? {};
  expect([state, phaseCount]).toEqual([BuildState.SUCCEEDED, 3]);
  const cells = recipe?.evaluation?.cells.map(({ prompts, arm, rate }) => [prompts, arm, rate?.rate]);
  expect(cells).toEqual([
    ["harmful", "base", 0],
    ["harmful", "steered", 1],
  ]);
  expect(recipe?.evaluation?.gate).toEqual([]);
  await room.close();
});

test("a class may have any name: what a build keeps is named by what it has the class for", async () => {
  const { recipesDir, start, room } = setup({ gated: false });
  const file = join(recipesDir, "refusal", "recipe.toml");
  const name = "Harmful, and more of the same";
  writeFileSync(file, readFileSync(file, "utf8").replace('class = "harmful"', `class = "${name}"`));
  const { client, room: other } = start();
  const { state, detail, recipe } = (await build(client)).at(-1) ?? {};
  expect([state, detail]).toEqual([BuildState.SUCCEEDED, ""]);
  expect(recipe?.evaluation?.cells.map(({ prompts }) => prompts)).toEqual([name, name]);
  await Promise.all([room.close(), other.close()]);
});

test("a plan asks for no activations and opens the gate; the paper's mode is refused by name", async () => {
  const { client, room } = setup({ gated: false });
  await build(client);
  const wish = { steering: { recipe: "refusal" }, modelDigest: MODEL };
  const { taps, programDigests } = await client.getRequirements(wish);
  expect([taps.length, programDigests.length]).toEqual([0, 1]);
  const { program, report } = await client.plan(wish);
  expect([program?.programDigest, report?.gate]).toEqual([programDigests[0], 1]);
  const paper = client.plan({ ...wish, steering: { recipe: "refusal", mode: "paper" } });
  await expect(paper).rejects.toThrow("no phrases for mode");
  await room.close();
});

test("a gate without prompts to leave alone, and such prompts without a gate, are refused by name", async () => {
  const leave = 'leave = { class = "harmless", file = "harmless.jsonl" }';
  for (const [gated, from, to, message] of [
    [true, leave, "", "[controller] needs prompts.leave"],
    [false, "[direction]", `${leave}\n[direction]`, "[prompts.leave] needs controller"],
  ] as const) {
    const { recipesDir, room } = setup({ gated });
    const file = join(recipesDir, "refusal", "recipe.toml");
    writeFileSync(file, readFileSync(file, "utf8").replace(from, to));
    expect(() => readRecipe(join(recipesDir, "refusal"))).toThrow(message);
    await room.close();
  }
});
