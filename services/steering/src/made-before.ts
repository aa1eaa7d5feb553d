/** What an earlier request for the same has stored: it is found, not made again, and a name that is another's is refused before the work. */
import type { ArtifactRecord, ArtifactStore } from "#kit/artifact-store.ts";
import { hasReason, TrimtabError } from "#kit/errors.ts";

/**
 * The artifact of a name, if it is whole: else it is made again, and heals.
 * @param input what of `madeFrom` says from which request it is @param digest of that request
 * @throws TrimtabError ARTIFACT_EXISTS if the name is that of something else
 */
export function madeBefore(
  store: ArtifactStore,
  name: string,
  input: string,
  digest: string,
): ArtifactRecord | undefined {
  try {
    const record = store.resolve(name);
    if (record.madeFrom[input] === digest) return store.get(name).record;
  } catch (error) {
    if (hasReason(error, "ARTIFACT_NOT_FOUND", "ARTIFACT_CORRUPT")) return undefined;
    throw error;
  }
  throw new TrimtabError("ARTIFACT_EXISTS", `the name ${name} is that of something else`, { field: "name" });
}
