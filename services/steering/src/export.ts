/** The direction a reference stands for: a stored direction as it is, or a recipe's at the recipe's own dose. */
import type { ArtifactRecord, ArtifactStore } from "#kit/artifact-store.ts";
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

/** Artifacts of one name that an error lists. */
const MOST_LISTED = 8;

/**
 * The direction to export.
 * @param reference name or digest of a direction, or `recipe`, `recipe@sha256:…`
 * @throws TrimtabError ARTIFACT_NOT_FOUND, INVALID_ARGUMENT with all that the name may mean, ARTIFACT_INVALID
 */
export function exportedDirection(store: ArtifactStore, reference: string): Exported {
  const recipes = recipesOf(store, reference);
  const directions = store
    .list({ kind: ArtifactKind.DIRECTION })
    .filter(({ name, digest }) => reference === name || reference === `${name}@${digest}`);
  const [recipe, ...others] = recipes;
  if (!recipe) return { direction: loadDirection(store, reference, FIELD).direction, atDose: false };
  if (others.length + directions.length > 0) throw ambiguous([...recipes, ...directions]);
  const built = readRecipeArtifact(store.get(`${recipe.name}@${recipe.digest}`).bytes);
  return { direction: directionAtDose(store, built), atDose: true };
}

function ambiguous(records: readonly ArtifactRecord[]): TrimtabError {
  const meant = records.slice(0, MOST_LISTED).map(({ name, digest }) => `${name}@${digest}`);
  const message = `the name may mean ${records.length} artifacts; give the digest of one`;
  return new TrimtabError("INVALID_ARGUMENT", message, { field: FIELD, limit: meant.join(", ") });
}

/** Built recipes that a reference may mean: one a model. */
function recipesOf(store: ArtifactStore, reference: string): ArtifactRecord[] {
  const [name, pin] = reference.startsWith("sha256:")
    ? ["", reference]
    : [reference.split("@")[0] ?? "", reference.split("@")[1]];
  return store
    .list({ kind: ArtifactKind.RECIPE })
    .filter((record) => pin === undefined || record.digest === pin)
    .filter(
      (record) => name === "" || record.name === name || record.name.replace(/\.[0-9a-f]+$/, "") === name,
    );
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
