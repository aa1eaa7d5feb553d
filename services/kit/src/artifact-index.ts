/**
 * The index of the artifact store: names → records, as a chain of immutable numbered files.
 *
 * A change writes version n+1 with an exclusive create: of two processes that read version n one wins, the other
 * reads again and retries (compare-and-swap without locks). A file carries the SHA-256 of its content; a damaged one
 * is moved to quarantine and the version before it counts.
 */
import { existsSync, readdirSync, renameSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import { TrimtabError } from "./errors.ts";
import { createFileAtomic, readRegularFile, sha256Hex } from "./files.ts";
import { STORE_LIMITS } from "./limits.ts";

/** What the store knows of an artifact. */
export interface ArtifactRecord {
  readonly name: string;
  /** `sha256:<hex>` of the bytes. */
  readonly digest: string;
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
}

const FILE = /^index-(\d{12})\.json$/;
const KEPT_VERSIONS = 8;
const MAX_ATTEMPTS = 64;
const DIGEST_CHARS = 64;

/** Opens the index; damaged files go to `quarantine`. */
export function createArtifactIndex(directory: string, quarantine: string): ArtifactIndex {
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
      try {
        unlinkSync(pathOf(old));
      } catch {
        // Another process pruned it.
      }
    }
  }
  return {
    read: () => newest().table,
    update(change) {
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
        const { version, table } = newest();
        const next = change(table);
        if (next === table) return;
        if (!createFileAtomic(pathOf(version + 1), encode(next))) continue;
        // So far ahead that this number may have been free only because it was pruned: the change may be lost.
        if ((versions()[0] ?? 0) > version + KEPT_VERSIONS) continue;
        prune(version + 1);
        return;
      }
      throw new TrimtabError("CONFLICT", "the store is being changed by others; try again", {
        retryAfterMs: 100,
      });
    },
  };
}

function encode(table: ArtifactTable): Uint8Array {
  const records = [...table.values()]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((record) => ({ ...record, kind: ArtifactKind[record.kind] }));
  const json = JSON.stringify(records);
  return new TextEncoder().encode(`${sha256Hex(new TextEncoder().encode(json))}\n${json}\n`);
}

/** The table of an index file, or undefined if it is damaged or gone. */
function load(path: string): ArtifactTable | undefined {
  try {
    const text = new TextDecoder().decode(readRegularFile(path, { maxBytes: STORE_LIMITS.indexBytes }));
    const json = text.slice(DIGEST_CHARS + 1, -1);
    if (sha256Hex(new TextEncoder().encode(json)) !== text.slice(0, DIGEST_CHARS)) return undefined;
    const records = JSON.parse(json) as (Omit<ArtifactRecord, "kind"> & {
      kind: keyof typeof ArtifactKind;
    })[];
    return new Map(records.map((record) => [record.name, { ...record, kind: ArtifactKind[record.kind] }]));
  } catch {
    return undefined;
  }
}
