/**
 * Content-addressed artifact store in a directory: files of `objects` hold bytes, the index maps names to them and their digests.
 *
 * Promises: when `put` returns, bytes and name survive a crash; a crash in the middle leaves the old state; bytes
 * are checked against their digest at every read, damaged ones are quarantined, never served. Names never become
 * paths. Several processes may share a directory. Cost: two fsyncs a write, one SHA-256 a read.
 */
import { mkdirSync, readdirSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import {
  type ArtifactIndex,
  type ArtifactRecord,
  type ArtifactTable,
  createArtifactIndex,
} from "./artifact-index.ts";
import { hasReason, TrimtabError } from "./errors.ts";
import { readRegularFile, sha256Hex, sweepTemporaries, unlinkQuietly, writeFileAtomic } from "./files.ts";
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
  /** Removes a name and its bytes at once; what is replaced goes when no version of the index names it. @throws TrimtabError ARTIFACT_NOT_FOUND. */
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
  const forget = (file: string) => unlinkQuietly(join(objects, file));
  const index = createArtifactIndex(directory, quarantine, forget);
  sweepObjects(objects, index);
  const pathOf = ({ file }: ArtifactRecord) => join(objects, file);

  /** Removes the bytes of a record that is not in the index, of which `table` is the version that counts. */
  function drop(record: ArtifactRecord, table: ArtifactTable): void {
    // Only stores of before have records with a file in common.
    if ([...table.values()].some(({ file }) => file === record.file)) return;
    forget(record.file);
  }
  function load(record: ArtifactRecord, field: string): Uint8Array {
    const label = `artifact ${record.name}`;
    try {
      const maxBytes = STORE_LIMITS.artifactBytes;
      const bytes = readRegularFile(pathOf(record), { label, maxBytes, followSymlinks: false });
      if (digestOf(bytes) === record.digest) return bytes;
      renameSync(pathOf(record), join(quarantine, `${record.file}-${Date.now()}`));
    } catch (error) {
      if (!hasReason(error, "ARTIFACT_NOT_FOUND", "ARTIFACT_INVALID", "TOO_LARGE")) throw error;
    }
    throw new TrimtabError("ARTIFACT_CORRUPT", `${label}: its bytes are missing or damaged; store it again`, {
      field,
    });
  }
  /** Writes the bytes of a record again unless they are whole. */
  function heal(record: ArtifactRecord, bytes: Uint8Array): void {
    try {
      load(record, "data");
    } catch (error) {
      if (!hasReason(error, "ARTIFACT_CORRUPT")) throw error;
      writeFileAtomic(pathOf(record), bytes);
      // Whoever deleted it meanwhile has looked for its bytes already.
      const table = index.read();
      if (table.get(record.name)?.file !== record.file) drop(record, table);
    }
  }
  return {
    put(input) {
      const record = checkInput(input);
      let stored = record;
      let isWritten = false;
      try {
        index.update((table) => {
          const current = table.get(record.name);
          stored = current && isSame(current, record) ? current : record;
          if (stored === current) return table;
          if (current) checkReplace(current, input.replace);
          // Bytes before the name: what the index names is there.
          if (!isWritten) writeFileAtomic(pathOf(record), input.bytes);
          isWritten = true;
          return new Map(table).set(record.name, record);
        });
      } catch (error) {
        // The disk may have failed after the index named it.
        if (isWritten) drop(record, index.read());
        throw error;
      }
      if (stored.file !== record.file) {
        if (isWritten) forget(record.file);
        heal(stored, input.bytes);
      }
      return stored;
    },
    resolve: (reference, field = REFERENCE) => find(index.read(), reference, field),
    get(reference, field = REFERENCE) {
      for (let record = find(index.read(), reference, field); ;) {
        try {
          return { record, bytes: load(record, field) };
        } catch (error) {
          const now = find(index.read(), reference, field);
          // What was replaced or deleted between the two reads is not damaged.
          if (now.file === record.file) throw error;
          record = now;
        }
      }
    },
    list({ kind, modelDigest } = {}) {
      return [...index.read().values()]
        .filter((record) => kind === undefined || kind === ArtifactKind.UNSPECIFIED || record.kind === kind)
        .filter((record) => !modelDigest || record.modelDigest === modelDigest)
        .sort((a, b) => (a.name < b.name ? -1 : 1));
    },
    delete(name) {
      let deleted: ArtifactRecord | undefined;
      let next = new Map<string, ArtifactRecord>();
      index.update((table) => {
        deleted = find(table, checkArtifactName(name), "name");
        next = new Map(table);
        next.delete(name);
        return next;
      });
      if (deleted) drop(deleted, next);
    },
  };
}

/** Removes what writers that died before they named it have left, long after: a file that nobody names may be named in a moment. */
function sweepObjects(objects: string, index: ArtifactIndex): void {
  const before = Date.now() - STORE_LIMITS.orphanMs;
  const files = readdirSync(objects).filter(
    (file) => (statSync(join(objects, file), { throwIfNoEntry: false })?.mtimeMs ?? before) < before,
  );
  if (files.length === 0) return;
  const named = index.namedFiles();
  for (const file of files) if (!named.has(file)) unlinkQuietly(join(objects, file));
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
  // Nobody deletes the bytes of another name, however many have the same: a file has one record.
  const file = `${digest.replace(":", "-")}-${crypto.randomUUID()}`;
  return {
    name,
    digest,
    file,
    kind,
    sizeBytes: bytes.length,
    modelDigest,
    madeFrom: { ...madeFrom },
    created,
  };
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
