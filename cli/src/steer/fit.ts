/** `trimtab steer fit`: a method fitted to a recipe's examples, with progress on a terminal. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { Option, type Command } from "commander";
import type { FitOptionsSchema } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { Scope, Site } from "#proto/trimtab/type/v1/program_pb.ts";
import { numberIn, wholeNumber } from "#kit/option-values.ts";
import { addTargetOptions, withGateway, type TargetOptions } from "../options.ts";
import { addJsonOption, type JsonOption, printResult } from "../view/result.ts";
import { followFit } from "./follow.ts";
import { blocks } from "./lists.ts";

interface FitFlags extends TargetOptions, JsonOption {
  readonly method: string;
  readonly recipe: string;
  readonly layers?: readonly number[];
  readonly heads?: number;
  readonly strength?: number;
  readonly scope?: string;
  readonly site?: string;
  readonly prompts?: number;
  readonly seed?: number;
  readonly shuffleLabels?: boolean;
  readonly force?: boolean;
}

const SITES: Readonly<Record<string, Site>> = {
  residual: Site.RESIDUAL,
  block_input: Site.BLOCK_INPUT,
  attention_norm: Site.ATTENTION_NORM,
  mlp_norm: Site.MLP_NORM,
  attention_output: Site.ATTENTION_OUTPUT,
  mlp_output: Site.MLP_OUTPUT,
  heads: Site.HEADS,
  neurons: Site.NEURONS,
};
const SCOPES: Readonly<Record<string, Scope>> = {
  prompt: Scope.PROMPT,
  last: Scope.LAST,
  decode: Scope.DECODE,
};

/** Finite in f32, which the request carries. */
const MAX_COEFFICIENT = 1e9;

/** Adds the command. */
export function addFitCommand(steer: Command): void {
  const command = steer
    .command("fit")
    .description("make a direction, edit or ruleset from a recipe's examples")
    .argument("<name>")
    .requiredOption("--method <method>", "response_contrast, pca, cast, iti, selective, …")
    .option("--recipe <recipe>", "recipe whose prompts and answers are the examples", "refusal")
    .option("--layers <list>", "blocks, such as 9,10,12-15", blocks)
    .option("--heads <count>", "heads to choose (iti)", wholeNumber)
    .option(
      "--strength <number>",
      "coefficient at scale 1, in the method's terms",
      numberIn(-MAX_COEFFICIENT, MAX_COEFFICIENT),
    )
    .option("--prompts <count>", "training prompts of each class", wholeNumber)
    .option("--seed <number>", "of whatever is random", wholeNumber)
    .option("--shuffle-labels", "control: labels in random order")
    .option("--force", "store it even if it does not tell the classes apart")
    .addOption(new Option("--scope <scope>", "positions").choices(Object.keys(SCOPES)))
    .addOption(new Option("--site <site>", "site of an additive method").choices(Object.keys(SITES)));
  addTargetOptions(addJsonOption(command)).action(async (name: string, flags: FitFlags) => {
    const { method, recipe, force = false } = flags;
    await withGateway(flags, async (client) => {
      const fit = { name, method, recipe, force, options: optionsOf(flags) };
      const { name: stored, digest } = await followFit(client, fit);
      printResult(flags, { name: stored, digest }, [`${stored}@${digest}`]);
    });
  });
}

function optionsOf(flags: FitFlags): MessageInitShape<typeof FitOptionsSchema> {
  const { layers = [], heads = 0, strength, prompts = 0, seed = 0, shuffleLabels = false } = flags;
  return {
    ...{ layers: [...layers], heads, promptsPerClass: prompts, seed, shuffleLabels },
    ...(strength === undefined ? {} : { strength }),
    ...(flags.scope === undefined ? {} : { scope: SCOPES[flags.scope] ?? Scope.UNSPECIFIED }),
    ...(flags.site === undefined ? {} : { site: SITES[flags.site] ?? Site.UNSPECIFIED }),
  };
}
