/**
 * The main job in one command: start everything, answer once unsteered, build the refusal recipe, answer side by side,
 * print the evidence and how to call it.
 */
import { writeFile } from "node:fs/promises";
import type { Recipe } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import type { GatewayClient, StreamedAnswer } from "./answer.ts";
import { DEMO_PROMPTS, FIRST_PROMPT } from "./prompts.ts";
import { callExamples, showOwnMode, showPair, showPlainAnswer } from "./show.ts";
import { buildRecipe } from "../recipe/build.ts";
import { doseLines, evaluationJson, evaluationLines, modeLine } from "../view/evaluation.ts";
import { colour } from "../view/style.ts";

/** Recipe of the demo. */
const DEMO_RECIPE = "refusal";

/** A client that reaches the services of the demo over a real socket. */
export interface DemoTarget {
  readonly client: GatewayClient;
}

/** Parts 2 and 3 of the demo: a first answer, then a recipe (from the store on a second run). */
export async function answerAndBuild(target: DemoTarget, recipe: string): Promise<Recipe> {
  heading("A first answer, unsteered");
  await showPlainAnswer(target.client, FIRST_PROMPT);
  heading(`Recipe "${recipe}": direction, controller, layers and dose, evaluation`);
  return await buildRecipe(target.client, recipe);
}

/** The whole demo; writes the numbers to `jsonPath` if given. */
export async function runDemo(target: DemoTarget, jsonPath?: string): Promise<void> {
  const recipe = await answerAndBuild(target, DEMO_RECIPE);
  process.stdout.write(`${[modeLine(recipe), ...doseLines(recipe)].join("\n")}\n`);
  heading("Base and steered, from one shared prefix");
  const answers: StreamedAnswer[] = [];
  for (const prompt of DEMO_PROMPTS) answers.push(await showPair(target.client, recipe, prompt));
  if (recipe.mode === "reply") await showOwnMode(target.client, recipe);
  heading("Evidence: the recipe's own test prompts, families never seen in training");
  process.stdout.write(`${evaluationLines(recipe).join("\n")}\n`);
  process.stdout.write(callExamples());
  if (jsonPath !== undefined)
    await writeFile(jsonPath, `${JSON.stringify(demoJson(recipe, answers), null, 2)}\n`);
}

function heading(text: string): void {
  process.stdout.write(`\n${colour.cyan(`── ${text} `)}\n`);
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

function demoJson(recipe: Recipe, answers: readonly StreamedAnswer[]): Record<string, unknown> {
  const timings = answers.flatMap((a) => (a.completed?.timings ? [a.completed.timings] : []));
  const cells = recipe.evaluation?.cells ?? [];
  const repetition = Object.fromEntries(
    ["base", "steered", "reply"].map((arm) => [
      arm,
      Object.fromEntries(cells.filter((c) => c.arm === arm).map((c) => [c.prompts, c.repetition])),
    ]),
  );
  return {
    refusal: evaluationJson(recipe),
    perplexityRatio: recipe.evaluation?.perplexityRatio,
    perplexityRatioForcedOpen: recipe.evaluation?.perplexityRatioForcedOpen,
    repetition,
    tokensPerSecond: median(timings.map((t) => t.tokensPerSecond)),
    timeToFirstTokenMs: median(timings.map((t) => t.timeToFirstTokenMs)),
  };
}
