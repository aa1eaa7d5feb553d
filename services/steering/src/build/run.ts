/**
 * A build from end to end: direction → search → controller → evaluation. Every phase leaves its result in the store
 * under a name made of its inputs, so a build that was killed goes on where it stopped, and one that is asked for again
 * reads everything back.
 */
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { type Recipe } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import type { RecipeSource } from "../recipes/recipe.ts";
import { checkRecipeData } from "../recipes/data-checks.ts";
import { replyText } from "../reply.ts";
import { throwIfCancelled } from "../work/call.ts";
import { checkJudge } from "../work/judge.ts";
import type { PhaseContext } from "./context.ts";
import { controllerPhase } from "./controller-phase.ts";
import { directionPhase } from "./direction-phase.ts";
import { evaluationPhase } from "./evaluation-phase.ts";
import {
  type BuiltRecipe,
  evaluationJson,
  recipeArtifactName,
  recipeMessage,
  writeRecipe,
} from "./recipe-artifact.ts";
import { searchPhase, searchWarnings } from "./search-phase.ts";
import { hasParts, storedRecipe } from "./stored.ts";

/** A phase of a build. */
export type Phase = "direction" | "search" | "controller" | "evaluation";

/** Phases of a build, in order: a recipe without a gate has no controller. */
export function phasesOf({ settings }: RecipeSource, skipEvaluation: boolean): Phase[] {
  return [
    "direction",
    "search",
    ...(settings.controller ? (["controller"] as const) : []),
    ...(skipEvaluation ? [] : (["evaluation"] as const)),
  ];
}

/** What one build is asked for. */
export interface BuildOrder {
  /** Digest of all inputs, hex. */
  readonly inputs: string;
  readonly skipEvaluation: boolean;
  /** Called when a phase begins. */
  enter(phase: Phase): void;
}

/** Runs the phases; the result is in the store when it returns. */
export async function runBuild(context: PhaseContext, order: BuildOrder): Promise<Recipe> {
  const stored = sameBuild(context, order);
  if (stored) return stored;
  checkRecipeData(context.recipe);
  await checkJudge(context.clients, context.recipe.settings.judge, context.scope);
  const enter = (phase: Phase): void => {
    throwIfCancelled(context.scope.signal);
    order.enter(phase);
  };
  enter("direction");
  const direction = await directionPhase(context);
  enter("search");
  const search = await searchPhase(context, direction);
  const gate = context.recipe.settings.controller;
  if (gate) enter("controller");
  const controller = gate && (await controllerPhase(context, search, gate));
  const warnings = searchWarnings(context.recipe, search);
  try {
    const built: BuiltRecipe = {
      name: context.recipe.settings.name,
      description: context.recipe.settings.description,
      mode: context.recipe.settings.mode,
      modelDigest: context.model.digest,
      buildId: order.inputs,
      directionMethod: direction.main.direction.method,
      judge: context.recipe.settings.judge,
      direction: direction.main.digest,
      ...(direction.paper ? { paperDirection: direction.paper.digest } : {}),
      endingDirection: direction.ending.digest,
      ...(controller ? { controller: controller.digest } : {}),
      doses: search.doses.map(({ layer, relative }) => ({ layer, relative })),
      course: search.course,
      reply: replyText(context.recipe),
      ...(warnings.length > 0 && { warnings }),
    };
    if (order.skipEvaluation) return finish(context, order, built);
    enter("evaluation");
    const evaluation = await evaluationPhase(context, {
      direction,
      search,
      ...(controller && { controller }),
    });
    throwIfCancelled(context.scope.signal);
    return finish(context, order, { ...built, evaluation: evaluationJson(evaluation) });
  } finally {
    await controller?.runner.close();
  }
}

/** The stored result of the same build, if it has what is asked for, may be used, and nothing of it is damaged. */
function sameBuild({ store, recipe, model, force }: PhaseContext, order: BuildOrder): Recipe | undefined {
  if (force) return undefined;
  const { built, digest } = storedRecipe(store, recipeArtifactName(recipe.settings.name, model.digest)) ?? {};
  if (!built || digest === undefined || built.buildId !== order.inputs) return undefined;
  if (built.evaluation === undefined && !order.skipEvaluation) return undefined;
  return hasParts(store, built) ? recipeMessage(built, digest) : undefined;
}

/** Saves what was built, unless the same was stored meanwhile, perhaps with evidence that this has not. */
function finish(context: PhaseContext, order: BuildOrder, built: BuiltRecipe): Recipe {
  const recipe = sameBuild(context, order) ?? save(context, built);
  context.steps.clear();
  return recipe;
}

function save({ store, recipe, model }: PhaseContext, built: BuiltRecipe): Recipe {
  const { digest } = store.put({
    name: recipeArtifactName(recipe.settings.name, model.digest),
    kind: ArtifactKind.RECIPE,
    bytes: writeRecipe(built),
    modelDigest: model.digest,
    madeFrom: {
      direction: built.direction,
      ...(built.paperDirection ? { paper_direction: built.paperDirection } : {}),
      ending_direction: built.endingDirection,
      ...(built.controller ? { controller: built.controller } : {}),
      recipe: `sha256:${recipe.digest}`,
    },
    replace: true,
  });
  return recipeMessage(built, digest);
}
