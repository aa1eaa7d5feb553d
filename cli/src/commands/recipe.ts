/** `trimtab recipe build | list | show | eval`. */
import { writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { toJson } from "@bufbuild/protobuf";
import { Presets, SingleBar } from "cli-progress";
import { type Command, Option } from "commander";
import { RecipeSchema, type Recipe } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { TrimtabError } from "#kit/errors.ts";
import { integerIn } from "#kit/option-values.ts";
import type { GatewayClient } from "../demo/answer.ts";
import { checkWritable } from "../given-file.ts";
import { type Prompt, readPrompts } from "../capture/prompts.ts";
import { addTargetOptions, refuseTyped, withGateway, type TargetOptions } from "../options.ts";
import { askAll, summarise } from "../recipe/ask.ts";
import { buildRecipe } from "../recipe/build.ts";
import { doseLines, evaluationLines, modeLine, summaryLines } from "../view/evaluation.ts";
import { isInteractive } from "../view/style.ts";

interface RecipeOptions extends TargetOptions {
  readonly force?: boolean;
  readonly json?: boolean;
}

interface EvalOptions extends RecipeOptions {
  readonly prompts?: string;
  readonly maxTokens: number;
  readonly mode?: string;
  readonly answers?: string;
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
    recipe
      .command("eval")
      .description(
        "evaluate: on prompts of your own, or build again and evaluate on the recipe's test prompts",
      )
      .argument("<name>"),
  )
    .option("--prompts <file>", "prompts of your own, a line each, or JSONL as `capture` reads it")
    .option("--max-tokens <n>", "longest answer to prompts of your own", integerIn(1, 4096), 64)
    .addOption(
      new Option("--mode <mode>", "in place of the recipe's own mode").choices(["steer", "reply", "paper"]),
    )
    .option("--answers <file>", "write prompts, answers and verdicts to a JSONL file")
    .option("--json", "print JSON")
    .action(async (name: string, options: EvalOptions, command: Command) => {
      if (options.prompts === undefined)
        refuseTyped(command, OF_PROMPTS, (option) => `${option} is of prompts of your own: give --prompts`);
      checkWritable(options.answers, "--answers");
      const input = options.prompts;
      const prompts = input === undefined ? undefined : await readPrompts({ prompts: [], input, chat: true });
      await withGateway(options, async (client) => {
        if (prompts) await evaluateOn(client, name, prompts, options);
        else print(await buildRecipe(client, name, { force: true }), options);
      });
    });
}

/** Options that say how prompts of a user's own are asked. */
const OF_PROMPTS = ["maxTokens", "mode", "answers"];

/** Builds the recipe if it is not stored, then asks prompts of the user's own base and steered. */
async function evaluateOn(
  client: GatewayClient,
  name: string,
  prompts: readonly Prompt[],
  { prompts: file = "", maxTokens, mode, answers, json }: EvalOptions,
): Promise<void> {
  const recipe = await buildRecipe(client, name, { skipEvaluation: true });
  const bar = isInteractive()
    ? new SingleBar({ format: "  {bar} {value}/{total} prompts" }, Presets.shades_classic)
    : undefined;
  bar?.start(prompts.length, 0);
  const asked = await askAll(client, recipe, prompts, { maxTokens, mode }, (done) =>
    bar?.update(done),
  ).finally(() => bar?.stop());
  if (answers !== undefined) {
    await writeFile(answers, asked.map((each) => `${JSON.stringify(each)}\n`).join(""));
  }
  const summary = summarise(asked);
  if (json)
    printJson({
      recipe: recipe.resolved,
      mode: mode ?? recipe.mode,
      prompts: basename(file),
      maxTokens,
      ...summary,
    });
  else
    process.stdout.write(
      `${[`${recipe.resolved}, mode ${mode ?? recipe.mode}`, ...summaryLines(summary)].join("\n")}\n`,
    );
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
    const lines = [recipe.resolved, modeLine(recipe), ...doseLines(recipe), ...evaluationLines(recipe)];
    process.stdout.write(`${lines.join("\n")}\n`);
  }
}

function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}
