/**
 * The index of the artifact store: names → records, as a chain of immutable numbered files.
 *
 * A change writes version n+1 with an exclusive create: of two processes that read version n one wins, the other
 * reads again and retries (compare-and-swap without locks). A file carries the SHA-256 of its content; a damaged one
 * is moved to quarantine and the version before it counts.
 */
import { existsSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { TrimtabError } from "./errors.ts";
import { createFileAtomic, readRegularFile, sha256Hex, unlinkQuietly } from "./files.ts";
import { STORE_LIMITS } from "./limits.ts";

/** What the store knows of an artifact. */
export interface ArtifactRecord {
  readonly name: string;
  /** `sha256:<hex>` of the bytes. */
  readonly digest: string;
  /** Its bytes, a file of the store that no other record ever had or will have. */
  readonly file: string;
  readonly kind: ArtifactKind;
  readonly sizeBytes: number;
  /** SHA-256 of the model file it fits, hex; empty if it fits any. */
  readonly modelDigest: string;
  /** Digests of what it was made from, by role. */
  readonly madeFrom: Readonly<Record<string, string>>;
  /** RFC 3339. */
  readonly created: string;
}

/** Records by name. */
export type ArtifactTable = ReadonlyMap<string, ArtifactRecord>;

/** The index inside one directory. */
export interface ArtifactIndex {
  read(): ArtifactTable;
  /**
   * Applies `change` to the newest table until no other writer came in between; `change` returns the new table, or
   * the same one for "nothing to do". @throws TrimtabError CONFLICT after too many lost races.
   */
  update(change: (table: ArtifactTable) => ArtifactTable): void;
  /** Files that some version still names: the newest, or one that would count if it were damaged. */
  namedFiles(): Set<string>;
}

const FILE = /^index-(\d{12})\.json$/;
const KEPT_VERSIONS = 8;
const MAX_ATTEMPTS = 64;
const DIGEST_CHARS = 64;

/** Opens the index; damaged files go to `quarantine`, `forget` is told of files that no version names any more. */
export function createArtifactIndex(
  directory: string,
  quarantine: string,
  forget: (file: string) => void,
): ArtifactIndex {
  const pathOf = (version: number) => join(directory, `index-${String(version).padStart(12, "0")}.json`);
  const versions = () =>
    readdirSync(directory)
      .flatMap((name) => FILE.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => b - a);

  function newest(): { version: number; table: ArtifactTable } {
    for (const version of versions()) {
      const table = load(pathOf(version));
      if (table) return { version, table };
      if (existsSync(pathOf(version)))
        renameSync(pathOf(version), join(quarantine, `index-${version}-${Date.now()}`));
    }
    return { version: 0, table: new Map() };
  }
  function prune(version: number): void {
    for (const old of versions().filter((v) => v <= version - KEPT_VERSIONS)) {
      const gone = filesOf(load(pathOf(old)));
      // A file that has lost its record never gets another one.
      for (const file of filesOf(load(pathOf(old + 1)))) gone.delete(file);
      unlinkQuietly(pathOf(old));
      if (existsSync(pathOf(old + 1))) gone.forEach(forget);
    }
  }
  function pruneIfReadable(version: number): void {
    try {
      prune(version);
    } catch {
      // The change is made. Whose versions cannot be read now keeps them until the next change.
    }
  }
  return {
    read: () => newest().table,
    namedFiles: () => new Set(versions().flatMap((version) => [...filesOf(load(pathOf(version)))])),
    update(change) {
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
        const { version, table } = newest();
        const next = change(table);
        if (next === table) return;
        if (!createFileAtomic(pathOf(version + 1), encode(next))) continue;
        // So far ahead that this number may have been free only because it was pruned: the change may be lost.
        if ((versions()[0] ?? 0) > version + KEPT_VERSIONS) continue;
        pruneIfReadable(version + 1);
        return;
      }
      throw new TrimtabError("CONFLICT", "the store is being changed by others; try again", {
        retryAfterMs: 100,
      });
    },
  };
}

const filesOf = (table: ArtifactTable | undefined): Set<string> =>
  new Set([...(table?.values() ?? [])].map(({ file }) => file));

function encode(table: ArtifactTable): Uint8Array {
  const records = [...table.values()]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((record) => ({ ...record, kind: ArtifactKind[record.kind] }));
  const json = JSON.stringify(records);
  return new TextEncoder().encode(`${sha256Hex(new TextEncoder().encode(json))}\n${json}\n`);
}

/** What a file says; of one that is gone, or no file of an index, nothing. */
function readText(path: string): string {
  try {
    return new TextDecoder().decode(readRegularFile(path, { maxBytes: STORE_LIMITS.indexBytes }));
  } catch (error) {
    const isDamaged = error instanceof TrimtabError && (error.cause === undefined || isGone(error));
    if (isDamaged) return "";
    // Too many open files, no memory, a disk that fails: what was acknowledged must not be taken for damaged, and an older version for all.
    throw new TrimtabError("SERVICE_UNAVAILABLE", "the store cannot be read now", { cause: error });
  }
}

const isGone = ({ reason }: TrimtabError): boolean => reason === "ARTIFACT_NOT_FOUND";

/** A record in a file; stores of before had one file a digest. */
type StoredRecord = Omit<ArtifactRecord, "kind" | "file"> & {
  readonly kind: keyof typeof ArtifactKind;
  readonly file?: string;
};

function decode({ kind, file, ...record }: StoredRecord): ArtifactRecord {
  return { ...record, kind: ArtifactKind[kind], file: file ?? record.digest.replace(":", "-") };
}

/** The table of an index file, or undefined if it is damaged or gone. @throws TrimtabError SERVICE_UNAVAILABLE if it cannot be read now. */
function load(path: string): ArtifactTable | undefined {
  const text = readText(path);
  try {
    const json = text.slice(DIGEST_CHARS + 1, -1);
    if (sha256Hex(new TextEncoder().encode(json)) !== text.slice(0, DIGEST_CHARS)) return undefined;
    const records = JSON.parse(json) as StoredRecord[];
    return new Map(records.map((record) => [record.name, decode(record)]));
  } catch {
    return undefined;
  }
}
