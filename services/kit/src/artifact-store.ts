/**
 * Content-addressed artifact store in a directory: `objects/sha256-<hex>` hold bytes, the index maps names to them.
 *
 * Promises: when `put` returns, bytes and name survive a crash; a crash in the middle leaves the old state; bytes
 * are checked against their digest at every read, damaged ones are quarantined, never served. Names never become
 * paths. Several processes may share a directory. Cost: two fsyncs a write, one SHA-256 a read.
 */
import { existsSync, mkdirSync, renameSync, statSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { type ArtifactRecord, type ArtifactTable, createArtifactIndex } from "./artifact-index.ts";
import { hasReason, TrimtabError } from "./errors.ts";
import { readRegularFile, sha256Hex, sweepTemporaries, writeFileAtomic } from "./files.ts";
import { STORE_LIMITS } from "./limits.ts";

export type { ArtifactRecord } from "./artifact-index.ts";

/** What to store. */
export interface ArtifactInput {
  /** `^[a-z0-9][a-z0-9._-]{0,63}$` */
  readonly name: string;
  readonly kind: ArtifactKind;
  readonly bytes: Uint8Array;
  readonly modelDigest?: string;
  readonly madeFrom?: Readonly<Record<string, string>>;
  /** `sha256:<hex>` the bytes must have. */
  readonly expectedDigest?: string;
  /** Lets a name that exists move: `true` from anything, a digest only from that (else CONFLICT). */
  readonly replace?: boolean | string;
}

/** The store of one directory. */
export interface ArtifactStore {
  /**
   * Stores bytes under a name; the same bytes again change nothing.
   * @throws TrimtabError INVALID_ARGUMENT (name), TOO_LARGE, ARTIFACT_CORRUPT (expectedDigest), ARTIFACT_EXISTS, CONFLICT.
   */
  put(input: ArtifactInput): ArtifactRecord;
  /**
   * Record of `name`, `sha256:<hex>` or `name@sha256:<hex>`; `field` is the request's field that names it, for errors.
   * @throws TrimtabError ARTIFACT_NOT_FOUND, INVALID_ARGUMENT.
   */
  resolve(reference: string, field?: string): ArtifactRecord;
  /** Record, as `resolve` finds it, and checked bytes. @throws TrimtabError those of `resolve`, and ARTIFACT_CORRUPT. */
  get(reference: string, field?: string): { record: ArtifactRecord; bytes: Uint8Array };
  /** Records by name, filtered. */
  list(filter?: { kind?: ArtifactKind; modelDigest?: string }): ArtifactRecord[];
  /** Removes a name, and the bytes if no other name has them. @throws TrimtabError ARTIFACT_NOT_FOUND. */
  delete(name: string): void;
}

const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;
/** The field of the RPCs that read artifacts. */
const REFERENCE = "reference";
const DIGEST = /^sha256:([0-9a-f]{64})$/;

/** Checks an artifact name. @throws TrimtabError INVALID_ARGUMENT naming `field`. */
export function checkArtifactName(name: string, field = "name"): string {
  if (NAME.test(name)) return name;
  throw new TrimtabError("INVALID_ARGUMENT", `a name matches ${NAME.source}`, {
    field,
    limit: STORE_LIMITS.nameChars,
  });
}

/** `sha256:<hex>` of bytes. */
export function digestOf(bytes: Uint8Array): string {
  return `sha256:${sha256Hex(bytes)}`;
}

/** Opens (and creates) the store; clears the rests of crashed writers. */
export function createArtifactStore(directory: string): ArtifactStore {
  const objects = join(directory, "objects");
  const quarantine = join(directory, "quarantine");
  for (const path of [directory, objects, quarantine]) {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    sweepTemporaries(path);
  }
  const index = createArtifactIndex(directory, quarantine);
  const objectPath = (digest: string) => join(objects, digest.replace(":", "-"));

  function storeBytes(digest: string, bytes: Uint8Array): void {
    const path = objectPath(digest);
    // A file of the right size may still be damaged: only its digest says that it can stay.
    if (
      existsSync(path) &&
      statSync(path).size === bytes.length &&
      sha256Hex(readRegularFile(path)) === hexOf(digest)
    ) {
      return;
    }
    writeFileAtomic(path, bytes);
  }
  function load(record: ArtifactRecord, field: string): Uint8Array {
    const path = objectPath(record.digest);
    const label = `artifact ${record.name}`;
    try {
      const bytes = readRegularFile(path, {
        label,
        maxBytes: STORE_LIMITS.artifactBytes,
        followSymlinks: false,
      });
      if (digestOf(bytes) === record.digest) return bytes;
      renameSync(path, join(quarantine, `${record.digest.replace(":", "-")}-${Date.now()}`));
    } catch (error) {
      if (!hasReason(error, "ARTIFACT_NOT_FOUND", "ARTIFACT_INVALID", "TOO_LARGE")) throw error;
    }
    throw new TrimtabError("ARTIFACT_CORRUPT", `${label}: its bytes are missing or damaged; store it again`, {
      field,
    });
  }
  return {
    put(input) {
      const record = checkInput(input);
      storeBytes(record.digest, input.bytes);
      let stored = record;
      index.update((table) => {
        const current = table.get(record.name);
        if (current && isSame(current, record)) {
          stored = current;
          return table;
        }
        if (current) checkReplace(current, input.replace);
        stored = record;
        return new Map(table).set(record.name, record);
      });
      // A delete of the last other name may have removed the bytes in between.
      if (!existsSync(objectPath(record.digest))) storeBytes(record.digest, input.bytes);
      return stored;
    },
    resolve: (reference, field = REFERENCE) => find(index.read(), reference, field),
    get(reference, field = REFERENCE) {
      const record = find(index.read(), reference, field);
      return { record, bytes: load(record, field) };
    },
    list({ kind, modelDigest } = {}) {
      return [...index.read().values()]
        .filter((record) => kind === undefined || kind === ArtifactKind.UNSPECIFIED || record.kind === kind)
        .filter((record) => !modelDigest || record.modelDigest === modelDigest)
        .sort((a, b) => (a.name < b.name ? -1 : 1));
    },
    delete(name) {
      let digest: string | undefined;
      index.update((table) => {
        digest = find(table, checkArtifactName(name), "name").digest;
        const next = new Map(table);
        next.delete(name);
        return next;
      });
      const isShared = [...index.read().values()].some((record) => record.digest === digest);
      if (digest === undefined || isShared || !existsSync(objectPath(digest))) return;
      unlinkSync(objectPath(digest));
    },
  };
}

function find(table: ArtifactTable, reference: string, field: string): ArtifactRecord {
  const [name, pin] = reference.startsWith("sha256:") ? [undefined, reference] : split(reference);
  if (name !== undefined) checkArtifactName(name, field);
  if (pin !== undefined && !DIGEST.test(pin)) {
    throw new TrimtabError("INVALID_ARGUMENT", "a digest is sha256: and 64 lower-case hex digits", { field });
  }
  const record =
    name === undefined ? [...table.values()].find((candidate) => candidate.digest === pin) : table.get(name);
  if (record && (pin === undefined || record.digest === pin)) return record;
  throw new TrimtabError("ARTIFACT_NOT_FOUND", `no artifact ${reference.slice(0, 140)}`, { field });
}

function split(reference: string): [name: string, pin: string | undefined] {
  const at = reference.indexOf("@");
  return at < 0 ? [reference, undefined] : [reference.slice(0, at), reference.slice(at + 1)];
}

function checkInput(input: ArtifactInput): ArtifactRecord {
  const { kind, bytes, modelDigest = "", madeFrom = {} } = input;
  const name = checkArtifactName(input.name);
  if (kind === ArtifactKind.UNSPECIFIED || ArtifactKind[kind] === undefined) {
    throw new TrimtabError("FIELD_REQUIRED", "the kind of the artifact is required", { field: "kind" });
  }
  if (bytes.length === 0)
    throw new TrimtabError("FIELD_REQUIRED", "the artifact is empty", { field: "data" });
  if (bytes.length > STORE_LIMITS.artifactBytes) {
    const message = `the artifact has ${bytes.length} bytes, the limit is ${STORE_LIMITS.artifactBytes}`;
    throw new TrimtabError("TOO_LARGE", message, { field: "data", limit: STORE_LIMITS.artifactBytes });
  }
  const roles = Object.entries(madeFrom);
  if (
    roles.length > STORE_LIMITS.metadataEntries ||
    roles.flat().some((s) => s.length > STORE_LIMITS.metadataChars)
  ) {
    throw new TrimtabError("TOO_LARGE", "made_from is too large", {
      field: "made_from",
      limit: STORE_LIMITS.metadataEntries,
    });
  }
  const digest = digestOf(bytes);
  if (input.expectedDigest && input.expectedDigest !== digest) {
    throw new TrimtabError("ARTIFACT_CORRUPT", `the bytes have ${digest}, not the expected digest`, {
      field: "expected_digest",
    });
  }
  const created = new Date().toISOString();
  return { name, digest, kind, sizeBytes: bytes.length, modelDigest, madeFrom: { ...madeFrom }, created };
}

function isSame(a: ArtifactRecord, b: ArtifactRecord): boolean {
  return a.digest === b.digest && a.kind === b.kind && a.modelDigest === b.modelDigest;
}

function checkReplace(current: ArtifactRecord, replace: boolean | string | undefined): void {
  if (replace === true) return;
  if (typeof replace !== "string") {
    throw new TrimtabError("ARTIFACT_EXISTS", `the name ${current.name} is taken by ${current.digest}`, {
      field: "name",
    });
  }
  if (replace !== current.digest) {
    throw new TrimtabError("CONFLICT", `the name ${current.name} has moved to ${current.digest}`, {
      field: "name",
    });
  }
}

function hexOf(digest: string): string {
  return digest.slice("sha256:".length);
}
