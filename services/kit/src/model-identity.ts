/**
 * Whether a model is still the files it was: what is hashed, read and read again later must be one and the same model, though each
 * opens its files anew. Which file it is, its size, the time of its last write and of the last change of its state. Nobody but the
 * kernel sets the last: it tells of a write whose time was set back, but also of another link or other rights, which change no byte.
 */
import { statSync } from "node:fs";
import { TrimtabError } from "./errors.ts";
import type { QuantizedType } from "./gguf-quantize.ts";
import { digestOfModel, filesOfModel } from "./model-digest.ts";

/** The state of a model's files, to be compared; plain data. */
export interface ModelIdentity {
  /** Names, inodes, sizes and times of the last write. */
  readonly files: string;
  /** Times of the last change of state. */
  readonly changes: string;
}

/** A model that is served, and what it was when it was loaded. */
export interface ServedModel {
  readonly modelPath: string;
  /** As it is loaded: part of the digest. */
  readonly quantize: QuantizedType | null;
  readonly digest: string;
  readonly identity: ModelIdentity;
}

/**
 * The state of a model's files; no byte is read.
 * @throws TrimtabError ARTIFACT_NOT_FOUND, ARTIFACT_INVALID of what lists them
 */
export function identityOfModel(path: string): ModelIdentity {
  const stats = filesOfModel(path).map(({ name, at }) => {
    const stat = statSync(at, { bigint: true, throwIfNoEntry: false });
    const { dev, ino, size, mtimeNs, ctimeNs } = stat ?? {};
    return { file: [name, dev, ino, size, mtimeNs].join(" "), change: String(ctimeNs) };
  });
  return {
    files: stats.map(({ file }) => file).join("\n"),
    changes: stats.map(({ change }) => change).join(" "),
  };
}

/** While a model is loaded. @throws TrimtabError ARTIFACT_CORRUPT if a file was replaced, written or otherwise changed since. */
export function checkUnchanged(path: string, identity: ModelIdentity): void {
  if (!isSame(identityOfModel(path), identity)) throw changed();
}

/**
 * Long after it was loaded. Where nothing but the state of a file was changed, its bytes are asked whether they are the same, at the
 * cost of their digest: else another link or other rights would take a served model out of service until it is loaded again.
 * @throws TrimtabError ARTIFACT_CORRUPT if it is another model now, or changes meanwhile
 */
export function checkServed({ modelPath, quantize, digest, identity }: ServedModel): void {
  const now = identityOfModel(modelPath);
  if (isSame(now, identity)) return;
  if (now.files !== identity.files || digestOfModel(modelPath, quantize) !== digest) throw changed();
  checkUnchanged(modelPath, now);
}

const isSame = (a: ModelIdentity, b: ModelIdentity): boolean =>
  a.files === b.files && a.changes === b.changes;

function changed(): TrimtabError {
  return new TrimtabError("ARTIFACT_CORRUPT", "the model was changed while it was read: load it again", {
    field: "model",
  });
}
