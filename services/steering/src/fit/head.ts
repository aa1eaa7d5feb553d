/**
 * Fits of the head of a built recipe: by regression to the sensitivities of the blocks (how far the log-odds of the
 * behaviour's first tokens rise when one block alone is pushed), or by an evolution strategy on reward.
 */
import { z } from "zod";
import type { FitArtifactRequest } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { writeController } from "../controller/artifact.ts";
import { evolve } from "../controller/evolution.ts";
import { constantHead, type FittedHead, type HeadExamples, regressHead } from "../controller/head.ts";
import { sigmoid } from "../controller/network.ts";
import { createRandom } from "../controller/random.ts";
import { controllerLayers } from "../features.ts";
import type { LoadedRecipe } from "../library.ts";
import { readFeatures } from "../work/features.ts";
import { examplesOf } from "./examples.ts";
import type { FitContext, Fitted } from "./fit.ts";
import { createReward } from "./reward.ts";
import { sensitivities } from "./sensitivities.ts";

/** Methods that train a head. */
export const HEAD_METHODS = ["weights_regression", "weights_evolution"] as const;

/** Steering prompts a head is trained on, and the strategy's settings, if a fit is not told. */
const PROMPTS = 24;
const EVOLUTION = { rounds: 6, pairs: 4, deviation: 0.7, step: 0.8 } as const;

/** Rises by prompt and block. */
const risesSchema = z.array(z.array(z.number()));

/** Fits a head. @throws TrimtabError RECIPE_NOT_FOUND if the recipe is not built for the model. */
export async function fitHead(context: FitContext, request: FitArtifactRequest): Promise<Fitted> {
  const seed = request.options?.seed ?? 0;
  const { head, report } = await trained(context, request);
  const { model } = context;
  const facts = {
    ...{ modelDigest: model.digest, layers: model.layers, width: model.width },
    featureLayers: controllerLayers(model.layers),
    head: { method: request.method, meanWeights: head.meanWeights },
  };
  return { kind: ArtifactKind.CONTROLLER, bytes: writeController(head.network, facts, { ...report, seed }) };
}

async function trained(context: FitContext, request: FitArtifactRequest): Promise<HeadFit> {
  const held = await context.parts.library.recipe(request.recipe, context.model.digest);
  const train = request.method === "weights_evolution" ? evolveHead : regress;
  try {
    return await train(context, held.value, request);
  } finally {
    held.letGo();
  }
}

interface HeadFit {
  readonly head: FittedHead;
  readonly report: Readonly<Record<string, number>>;
}

async function regress(
  context: FitContext,
  recipe: LoadedRecipe,
  { options }: FitArtifactRequest,
): Promise<HeadFit> {
  const count = options?.promptsPerClass || PROMPTS;
  const train = await headExamples(context, recipe, "train", count);
  const validation = await headExamples(context, recipe, "validation", count);
  context.say("regression");
  const head = regressHead(train, validation, options?.seed ?? 0);
  return { head, report: { prompts: train.rows.length, explained: head.explained } };
}

async function headExamples(
  context: FitContext,
  recipe: LoadedRecipe,
  split: "train" | "validation",
  count: number,
): Promise<HeadExamples> {
  const { positive } = await examplesOf(context, "prompts", split, count);
  context.say(`sensitivities of ${positive.length} ${split} prompts`);
  const rises = await context.steps.found(`sensitivities.${split}`, risesSchema, async () =>
    (await sensitivities(context, recipe, positive)).map((row) => [...row]),
  );
  // The strongest block of a prompt has weight 1; blocks that push the other way have none.
  const weights = rises.map((row) => {
    const most = Math.max(1e-6, ...row);
    return Float32Array.from(row, (rise) => Math.max(0, rise) / most);
  });
  const { clients, model, scope } = context;
  return { rows: await readFeatures(clients, model, positive, scope), weights };
}

async function evolveHead(
  context: FitContext,
  recipe: LoadedRecipe,
  { options }: FitArtifactRequest,
): Promise<HeadFit> {
  const { model } = context;
  const seed = options?.seed ?? 0;
  const reward = await createReward(context, recipe, options?.promptsPerClass);
  const settings = { ...EVOLUTION, rounds: options?.rounds || EVOLUTION.rounds };
  let round = 0;
  const { parameters, rewards } = await evolve(
    new Float64Array(model.layers),
    (candidates) => {
      context.say(`generation ${++round} of ${settings.rounds + 1}`);
      return context.steps.found(`generation-${round}`, z.array(z.number()), () =>
        reward(candidates.map((each) => Float32Array.from(each, sigmoid))),
      );
    },
    settings,
    createRandom(seed),
  );
  const inputs = controllerLayers(model.layers).length * model.width;
  return {
    head: constantHead(inputs, Array.from(parameters, sigmoid)),
    report: { rounds: settings.rounds, first_reward: rewards[0] ?? 0, best_reward: Math.max(...rewards) },
  };
}
