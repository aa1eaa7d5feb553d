/**
 * Mode "reply": the gate of a recipe without its push. Where the controller is on the side of steering the answer is the recipe's
 * first example of the behaviour, word for word; else the request is left alone. What no push of a small model beats.
 */
import { TrimtabError } from "#kit/errors.ts";
import type { SteeringUse } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import type { ControllerRunner } from "./controller/artifact.ts";
import type { Decider } from "./decider.ts";
import { featureRow, featureTap } from "./features.ts";
import type { RecipeSource } from "./recipes/recipe.ts";

/** Name of the mode. */
export const REPLY_MODE = "reply";
/** Gate from which the reply is given. */
export const REPLY_GATE = 0.5;

/** Decides by the gate alone; names no program. A recipe without a controller always replies. */
export function replyDecider(
  { forceGate }: SteeringUse,
  controller: ControllerRunner | undefined,
  layers: number,
): Decider {
  const reader = forceGate === undefined ? controller : undefined;
  const none = new Float32Array(layers);
  return {
    taps: reader ? [featureTap(reader.featureLayers)] : [],
    programs: [],
    replayLast: false,
    async decide(activations) {
      const row = reader ? featureRow(activations, reader.featureLayers, reader.width) : none;
      const gate = reader ? (await reader.run(row)).gate : (forceGate ?? 1);
      return {
        ...{ gate, programDigest: "", coefficients: [], program: null, rule: "" },
        ...{ relativeDoses: none, largestDoses: none, weights: none, weightsSource: "uniform" },
      };
    },
  };
}

/** What a recipe replies with; empty if it has no example. */
export const replyText = ({ positiveAnswers }: RecipeSource): string => positiveAnswers[0]?.text ?? "";

/** A recipe as it was found: pinned, with the reply it was built with, if that was kept. */
export interface ReplySource {
  readonly resolved: string;
  readonly reply?: string | undefined;
}

/**
 * The reply of a use at a gate; empty: none.
 * @throws TrimtabError RECIPE_NOT_FOUND if it is neither in the recipe nor among those here
 */
export function replyOf(
  recipes: ReadonlyMap<string, RecipeSource>,
  { mode }: SteeringUse,
  { resolved, reply: kept }: ReplySource,
  gate: number,
): string {
  if (mode !== REPLY_MODE || gate < REPLY_GATE) return "";
  const recipe = recipes.get(resolved.split("@")[0] ?? "");
  const reply = kept ?? (recipe ? replyText(recipe) : "");
  if (reply !== "") return reply;
  throw new TrimtabError("RECIPE_NOT_FOUND", "the recipe's answers are not here", {
    field: "steering.recipe",
  });
}
