/**
 * Whether a model is still the files it was: what is hashed, read and read again later must be one and the same model, though each
 * opens its files anew. Which file it is, its size and the times of its last change; no byte is read. Nobody but the kernel sets
 * the time of the last change of a file's state.
 */
import { statSync } from "node:fs";
import { TrimtabError } from "./errors.ts";
import { filesOfModel } from "./model-digest.ts";

/**
 * The state of a model's files, to be compared.
 * @throws TrimtabError ARTIFACT_NOT_FOUND, ARTIFACT_INVALID of what lists them
 */
export function identityOfModel(path: string): string {
  const lines = filesOfModel(path).map(({ name, at }) => {
    const stat = statSync(at, { bigint: true, throwIfNoEntry: false });
    const { dev, ino, size, mtimeNs, ctimeNs } = stat ?? {};
    return [name, dev, ino, size, mtimeNs, ctimeNs].join(" ");
  });
  return lines.join("\n");
}

/** @throws TrimtabError ARTIFACT_CORRUPT if a file was replaced or written since. */
export function checkUnchanged(path: string, identity: string): void {
  if (identityOfModel(path) === identity) return;
  throw new TrimtabError("ARTIFACT_CORRUPT", "the model was changed while it was read: load it again", {
    field: "model",
  });
}
