/** What the server offers: models, recipes, directions, strategies, verifiers. Read once, and again when something changed. */
import { computed, signal } from "@preact/signals";
import type { Model } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import type { Strategy } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import type { Recipe } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { type Artifact, ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import type { VerifierInfo } from "#proto/trimtab/verifier/v1/verifier_service_pb.ts";
import { gateway } from "../lib/client.ts";
import { describeProblem, type Problem } from "../lib/problems.ts";
import { settings } from "./settings.ts";

/** The lists, empty until they arrive. */
export const catalog = signal<{
  readonly models: readonly Model[];
  readonly recipes: readonly Recipe[];
  readonly directions: readonly Artifact[];
  readonly strategies: readonly Strategy[];
  readonly verifiers: readonly VerifierInfo[];
}>({ models: [], recipes: [], directions: [], strategies: [], verifiers: [] });

/** Why the lists are not there. */
export const catalogProblem = signal<Problem | null>(null);

/** The model in use. */
export const model = computed(() => chosenOf(catalog.value.models));

/** The model that was chosen, else the first that is loaded. */
function chosenOf(models: readonly Model[]): Model | undefined {
  const loaded = models.filter((one) => one.loaded);
  return loaded.find(({ name }) => name === settings.value.model) ?? loaded[0];
}

/** Reads the lists; recipes are those of the model in use. */
export async function loadCatalog(): Promise<void> {
  try {
    const { models } = await gateway.listModels({});
    const name = chosenOf(models)?.name ?? "";
    const [{ recipes }, { artifacts }, { strategies }, { verifiers }] = await Promise.all([
      gateway.listRecipes({ model: name }),
      gateway.listArtifacts({ kind: ArtifactKind.DIRECTION }),
      gateway.listStrategies({}),
      gateway.listVerifiers({}),
    ]);
    catalog.value = { models, recipes, directions: artifacts, strategies, verifiers };
    catalogProblem.value = null;
  } catch (error) {
    catalogProblem.value = describeProblem(error);
  }
}
