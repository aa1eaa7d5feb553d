/** What every phase of a build works with. */
import { createHash } from "node:crypto";
import type { ArtifactStore } from "#kit/artifact-store.ts";
import type { ModelShape, SteeringClients, WorkScope } from "../clients.ts";
import { METHODS } from "../methods/index.ts";
import type { RecipeSource } from "../recipes/recipe.ts";
import type { Steps } from "../work/steps.ts";

/** Context of a phase. */
export interface PhaseContext {
  readonly clients: SteeringClients;
  readonly model: ModelShape;
  readonly recipe: RecipeSource;
  readonly store: ArtifactStore;
  readonly scope: WorkScope;
  /** What a phase has done so far. */
  readonly steps: Steps;
  /** Ignore stored results of phases. */
  readonly force: boolean;
  /** Declares the tokens a phase will compute, once they are known. */
  budget(tokens: number): void;
  /** Says what is going on. */
  say(detail: string): void;
}

/** Counts up when the same inputs must give another result than before; part of every key, of phases and of recipes. */
const BUILD_FORMAT = 3;

/**
 * What the method of a recipe's direction adds to the keys of its results: its version, so that what it made before is made again. Nothing
 * for the first, which has always had keys without.
 */
export function methodInputs({ settings }: RecipeSource): readonly number[] {
  const { version } = METHODS[settings.direction.method];
  return version === 1 ? [] : [version];
}

/** Name of the artifact of a phase: the recipe, the phase and a digest of all that the result depends on. */
export function phaseName({ recipe, model }: PhaseContext, phase: string, inputs: unknown): string {
  const key = inputsKey([model.digest, phase, inputs]);
  return `${recipe.settings.name}.${phase}.${key.slice(0, 16)}`;
}

/** Digest of what a result depends on, hex. @param format of the builds, if not the present one */
export function inputsKey(inputs: unknown, format = BUILD_FORMAT): string {
  return createHash("sha256")
    .update(JSON.stringify([format, inputs]))
    .digest("hex");
}
