/** Recipes and their builds. */
import { create } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import {
  type Recipe,
  RecipeSchema,
  type SteeringService,
} from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { judgeMessage, recipeMessage } from "../build/recipe-artifact.ts";
import { storedRecipe } from "../build/stored.ts";
import { fetchModel } from "../model.ts";
import { findRecipe, type RecipeSource } from "../recipes/recipe.ts";
import type { SteeringParts } from "../service.ts";

/** Handlers of recipes and builds. */
export function recipeHandlers({
  clients,
  store,
  builds,
  recipes,
}: SteeringParts): Pick<
  ServiceImpl<typeof SteeringService>,
  "listRecipes" | "buildRecipe" | "getBuild" | "cancelBuild"
> {
  return {
    listRecipes({ modelDigest }) {
      // One that is damaged, or was deleted just now, counts as not built: it can be built again.
      const built = store.list({ kind: ArtifactKind.RECIPE, modelDigest }).flatMap(({ name }) => {
        const stored = storedRecipe(store, name);
        return stored ? [recipeMessage(stored.built, stored.digest)] : [];
      });
      const names = new Set(built.map(({ name }) => name));
      const unbuilt = [...recipes.values()].filter(({ settings }) => !names.has(settings.name)).map(describe);
      return { recipes: [...built, ...unbuilt].sort((a, b) => a.name.localeCompare(b.name)) };
    },
    async *buildRecipe({ name, modelDigest, force, skipEvaluation }, { signal, timeoutMs }) {
      const recipe = findRecipe(recipes, name, "name");
      const left = timeoutMs();
      const model = await fetchModel(clients, modelDigest, {
        signal,
        ...(left === undefined ? {} : { timeoutMs: left }),
      });
      const id = builds.start({ recipe, model, force, skipEvaluation });
      for await (const build of builds.watch(id, signal)) yield { build };
    },
    getBuild: ({ id }) => ({ build: builds.get(id) }),
    cancelBuild: async ({ id }) => ({ build: await builds.cancel(id) }),
  };
}

function describe({ settings }: RecipeSource): Recipe {
  return create(RecipeSchema, {
    name: settings.name,
    description: settings.description,
    built: false,
    directionMethod: settings.direction.method,
    mode: settings.mode,
    judge: judgeMessage(settings.judge),
  });
}
