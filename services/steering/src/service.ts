/** What the handlers of the steering service share. */
import type { ArtifactStore } from "#kit/artifact-store.ts";
import type { Builds } from "./build/builds.ts";
import type { SteeringClients } from "./clients.ts";
import type { Fits } from "./fit/fits.ts";
import type { NatsScales } from "./nats/scales.ts";
import type { Library } from "./library.ts";
import type { Lru } from "#kit/lru.ts";
import type { PhaseMarkers } from "./phases.ts";
import type { RecipeSource } from "./recipes/recipe.ts";

/** Parts of a running service. */
export interface SteeringParts {
  readonly clients: SteeringClients;
  readonly store: ArtifactStore;
  readonly library: Library;
  readonly builds: Builds;
  readonly fits: Fits;
  readonly nats: NatsScales;
  readonly phases: PhaseMarkers;
  /** Median norms of the residual stream on neutral passages, [layers] by model digest: measured once a model. */
  readonly norms: Lru<Float32Array>;
  /** Recipes by name. */
  readonly recipes: ReadonlyMap<string, RecipeSource>;
}
