/** The steering service: directions, controllers, recipes, their artifacts and builds. Decides; executes nothing. */
import { join } from "node:path";
import type { ConnectRouter } from "@connectrpc/connect";
import type { ArtifactStore } from "#kit/artifact-store.ts";
import { SteeringService } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { CACHE_LIMITS } from "./limits.ts";
import { createBuilds } from "./src/build/builds.ts";
import type { SteeringClients } from "./src/clients.ts";
import { artifactHandlers } from "./src/handlers/artifacts.ts";
import { createFits } from "./src/fit/fits.ts";
import { directionHandlers } from "./src/handlers/directions.ts";
import { fittingHandlers } from "./src/handlers/fitting.ts";
import { planningHandlers } from "./src/handlers/planning.ts";
import { recipeHandlers } from "./src/handlers/recipes.ts";
import { createLibrary } from "./src/library.ts";
import { createLru } from "#kit/lru.ts";
import { createNatsScales } from "./src/nats/scales.ts";
import { createPhaseMarkers } from "./src/phases.ts";
import { readRecipes } from "./src/recipes/recipe.ts";

export type { SteeringClients } from "./src/clients.ts";

/** What the service is made from. */
export interface SteeringOptions {
  readonly clients: SteeringClients;
  readonly store: ArtifactStore;
  /** Folder of recipe folders; the recipes shipped with the service by default. */
  readonly recipesDir?: string;
  /** Folder of further recipe folders, a user's own. */
  readonly ownRecipesDir?: string | undefined;
}

/** A steering service ready to be mounted. */
export interface SteeringRoom {
  readonly routes: (router: ConnectRouter) => void;
  /** Cancels builds and frees controllers. */
  close(): Promise<void>;
}

/** Creates the service. @throws TrimtabError ARTIFACT_INVALID, ARTIFACT_NOT_FOUND if a recipe folder is broken. */
export function createSteeringService(options: SteeringOptions): SteeringRoom {
  const { clients, store, recipesDir = join(import.meta.dir, "recipes"), ownRecipesDir } = options;
  const recipes = readRecipes(ownRecipesDir === undefined ? [recipesDir] : [recipesDir, ownRecipesDir]);
  const library = createLibrary(store, new Set(recipes.keys()));
  const builds = createBuilds(clients, store);
  const fits = createFits();
  const phases = createPhaseMarkers(clients);
  const nats = createNatsScales({ clients, store, recipes, phases });
  const norms = createLru<Float32Array>(CACHE_LIMITS.models);
  const parts = { clients, store, library, builds, fits, nats, phases, norms, recipes };
  return {
    routes: (router) =>
      void router.service(SteeringService, {
        ...planningHandlers(parts),
        ...recipeHandlers(parts),
        ...artifactHandlers(parts),
        ...directionHandlers(parts),
        ...fittingHandlers(parts),
      }),
    async close() {
      await nats.close();
      await fits.close();
      await builds.close();
      await library.close();
    },
  };
}
