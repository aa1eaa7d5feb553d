/** FitArtifact: an artifact by one of the methods, from a recipe's examples. */
import type { ServiceImpl } from "@connectrpc/connect";
import type { SteeringService } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { fetchModel } from "../model.ts";
import { findRecipe } from "../recipes/recipe.ts";
import type { SteeringParts } from "../service.ts";
import { artifactMessage } from "./artifacts.ts";

/** Handlers of fits. */
export function fittingHandlers(
  parts: SteeringParts,
): Pick<ServiceImpl<typeof SteeringService>, "fitArtifact"> {
  return {
    async *fitArtifact(request, { signal }) {
      const recipe = findRecipe(parts.recipes, request.recipe, "recipe");
      const model = await fetchModel(parts.clients, request.modelDigest, { signal });
      for await (const state of parts.fits.run(parts, { request, model, recipe })) {
        if (signal.aborted) return;
        yield "$typeName" in state
          ? { event: { case: "progress", value: state } }
          : { event: { case: "artifact", value: artifactMessage(state) } };
      }
    },
  };
}
