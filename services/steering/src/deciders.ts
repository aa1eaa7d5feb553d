/**
 * Deciders of recipes, remembered: to compile the program of a use and name it by its digest takes as long as its controller.
 * They go with the loaded recipe, whose controller they hold, and are as many as there are ways to use it.
 */
import { toBinary } from "@bufbuild/protobuf";
import { type SteeringUse, SteeringUseSchema } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { CACHE_LIMITS } from "../limits.ts";
import { createDecider, type Decider, type Deciding } from "./decider.ts";
import { createLru, type Lru } from "#kit/lru.ts";
import type { PlannableRecipe } from "./plan-parts.ts";

/** The decider of a use, made or remembered. @throws TrimtabError naming the field at fault. */
export type Deciders = (deciding: Deciding, use: SteeringUse) => Decider;

/** An empty memory. */
export function createDeciders(): Deciders {
  const known = new WeakMap<PlannableRecipe, Lru<Decider>>();
  return (deciding, use) => {
    const recipe = recipeAlone(deciding);
    if (!recipe) return createDecider(deciding, use);
    const ways = known.get(recipe) ?? createLru<Decider>(CACHE_LIMITS.deciders);
    known.set(recipe, ways);
    const key = Buffer.from(toBinary(SteeringUseSchema, use)).toString("base64");
    const decider = ways.get(key) ?? createDecider(deciding, use);
    ways.set(key, decider);
    return decider;
  };
}

/** The recipe that decides with nothing but what belongs to it: a use names a head, and the name may mean another one next time. */
function recipeAlone(deciding: Deciding): PlannableRecipe | undefined {
  if (!("source" in deciding) || deciding.head) return undefined;
  return deciding.source.kind === "recipe" ? deciding.source.recipe : undefined;
}
