/** The direction a reference stands for: a stored direction as it is, or a recipe's at the recipe's own dose. */
import type { ArtifactStore } from "#kit/artifact-store.ts";
import { TrimtabError } from "#kit/errors.ts";
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { type BuiltRecipe, readRecipeArtifact } from "./build/recipe-artifact.ts";
import { type Direction, rawVector, unit } from "./direction.ts";
import { coefficientOfDose } from "./dose.ts";
import { loadDirection } from "./library.ts";

/** A direction and whether its lengths are a recipe's dose: then no block of it may be left out. */
export interface Exported {
  readonly direction: Direction;
  readonly atDose: boolean;
}

/** The field of ExportDirection that names what is wanted. */
const FIELD = "reference";

/**
 * The direction to export.
 * @param reference name or digest of a direction, or `recipe`, `recipe@sha256:…`
 * @throws TrimtabError ARTIFACT_NOT_FOUND, INVALID_ARGUMENT if the recipe is built for several models, ARTIFACT_INVALID
 */
export function exportedDirection(store: ArtifactStore, reference: string): Exported {
  const recipe = findRecipe(store, reference);
  if (recipe) return { direction: directionAtDose(store, recipe), atDose: true };
  return { direction: loadDirection(store, reference, FIELD).direction, atDose: false };
}

function findRecipe(store: ArtifactStore, reference: string): BuiltRecipe | undefined {
  const [name, pin] = reference.startsWith("sha256:")
    ? ["", reference]
    : [reference.split("@")[0] ?? "", reference.split("@")[1]];
  const matching = store
    .list({ kind: ArtifactKind.RECIPE })
    .filter((record) => pin === undefined || record.digest === pin)
    .filter(
      (record) => name === "" || record.name === name || record.name.replace(/\.[0-9a-f]+$/, "") === name,
    );
  if (matching.length > 1) {
    throw new TrimtabError("INVALID_ARGUMENT", "the recipe is built for several models; give name@sha256:…", {
      field: FIELD,
    });
  }
  const record = matching[0];
  return record && readRecipeArtifact(store.get(`${record.name}@${record.digest}`).bytes);
}

function directionAtDose(store: ArtifactStore, { direction: reference, doses }: BuiltRecipe): Direction {
  const { direction } = loadDirection(store, reference, FIELD);
  const raw = new Map<number, Float32Array>();
  for (const dose of doses) {
    const coefficient = coefficientOfDose(direction, dose);
    raw.set(
      dose.layer,
      unit(rawVector(direction, dose.layer), dose.layer).map((x) => x * coefficient),
    );
  }
  return { ...direction, raw };
}
