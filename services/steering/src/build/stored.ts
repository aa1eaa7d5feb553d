/** What builds find in the store. What cannot be read counts as not there: it is made again, and heals under its name. */
import type { ArtifactStore } from "#kit/artifact-store.ts";
import { hasReason } from "#kit/errors.ts";
import type { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { type BuiltRecipe, readCurrentRecipe } from "./recipe-artifact.ts";
import type { PhaseContext } from "./context.ts";

/** The result of a phase, if it is stored, whole and not to be made anew. @param digest "sha256:<hex>" of the bytes */
export async function storedResult<T>(
  { store, force }: Pick<PhaseContext, "store" | "force">,
  name: string,
  kind: ArtifactKind,
  read: (bytes: Uint8Array, digest: string) => T | Promise<T>,
): Promise<T | undefined> {
  if (force) return undefined;
  try {
    const { record, bytes } = store.get(name);
    return record.kind === kind ? await read(bytes, record.digest) : undefined;
  } catch {
    return undefined;
  }
}

/** A built recipe under a name, if it is whole and in the present format. */
export function storedRecipe(
  store: ArtifactStore,
  name: string,
): { readonly built: BuiltRecipe; readonly digest: string } | undefined {
  return whole(() => {
    const { record, bytes } = store.get(name);
    const built = readCurrentRecipe(bytes);
    return built && { built, digest: record.digest };
  });
}

/** Whether everything that a recipe pins is there and whole. */
export function hasParts(store: ArtifactStore, built: BuiltRecipe): boolean {
  const { direction, paperDirection, endingDirection, controller } = built;
  const parts = [direction, paperDirection, endingDirection, controller].flatMap((digest) => digest ?? []);
  return parts.every((digest) => whole(() => store.get(digest)) !== undefined);
}

/** Undefined for what is missing or damaged. */
function whole<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (hasReason(error, "ARTIFACT_NOT_FOUND", "ARTIFACT_CORRUPT", "ARTIFACT_INVALID")) return undefined;
    throw error;
  }
}
