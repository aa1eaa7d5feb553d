/** `trimtab recipe build | list | show | eval`. */
import { toJson } from "@bufbuild/protobuf";
import type { Command } from "commander";
import { RecipeSchema, type Recipe } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { TrimtabError } from "#kit/errors.ts";
import type { GatewayClient } from "../demo/answer.ts";
import { addTargetOptions, withGateway, type TargetOptions } from "../options.ts";
import { buildRecipe } from "../recipe/build.ts";
import { doseLines, evaluationLines } from "../view/evaluation.ts";

interface RecipeOptions extends TargetOptions {
  readonly force?: boolean;
  readonly json?: boolean;
}

/** Adds the commands. */
export function addRecipeCommand(program: Command): void {
  const recipe = program
    .command("recipe")
    .description("recipes: direction, controller and dose for a behaviour");
  addTargetOptions(recipe.command("build").description("build a recipe for the model").argument("<name>"))
    .option("--force", "build again even if it is stored")
    .option("--json", "print JSON")
    .action(async (name: string, options: RecipeOptions) => {
      await withGateway(options, async (client) => {
        print(await buildRecipe(client, name, { force: options.force ?? false }), options);
      });
    });
  addTargetOptions(recipe.command("list").description("recipes and whether they are built"))
    .option("--json", "print JSON")
    .action(async (options: RecipeOptions) => {
      await withGateway(options, async (client) => {
        const { recipes } = await client.listRecipes({});
        if (options.json) printJson(recipes.map((r) => toJson(RecipeSchema, r)));
        else for (const r of recipes) process.stdout.write(`${listLine(r)}\n`);
      });
    });
  addTargetOptions(recipe.command("show").description("a built recipe and its evidence").argument("<name>"))
    .option("--json", "print JSON")
    .action(async (name: string, options: RecipeOptions) => {
      await withGateway(options, async (client) => print(await findBuilt(client, name), options));
    });
  addTargetOptions(
    recipe.command("eval").description("build again and evaluate on the test prompts").argument("<name>"),
  )
    .option("--json", "print JSON")
    .action(async (name: string, options: RecipeOptions) => {
      await withGateway(options, async (client) => {
        print(await buildRecipe(client, name, { force: true }), options);
      });
    });
}

async function findBuilt(client: GatewayClient, name: string): Promise<Recipe> {
  const { recipes } = await client.listRecipes({});
  const found = recipes.find((r) => r.name === name);
  if (!found) throw new TrimtabError("RECIPE_NOT_FOUND", `there is no recipe "${name}"`, { field: "name" });
  if (!found.built)
    throw new TrimtabError(
      "RECIPE_NOT_FOUND",
      `recipe "${name}" is not built; run: trimtab recipe build ${name}`,
    );
  return found;
}

function listLine(recipe: Recipe): string {
  const state = recipe.built ? `built, ${recipe.resolved.slice(0, 40)}…` : "not built";
  return `${recipe.name.padEnd(16)} ${state.padEnd(52)} ${recipe.description}`;
}

function print(recipe: Recipe, options: RecipeOptions): void {
  if (options.json) printJson(toJson(RecipeSchema, recipe));
  else {
    const lines = [recipe.resolved, ...doseLines(recipe), ...evaluationLines(recipe)];
    process.stdout.write(`${lines.join("\n")}\n`);
  }
}

function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}
