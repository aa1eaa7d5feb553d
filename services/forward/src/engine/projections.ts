/**
 * Projections in the arena: matrices that taps multiply rows with, stored once under a digest, counted while taps use
 * them. Those nobody uses leave, oldest first, when room or a place is needed.
 */
import type { PackedMatrix } from "#kernels";
import { packedBytes, repack } from "#kernels";
import { TrimtabError } from "#kit/errors.ts";
import { allFinite } from "#kit/finite.ts";
import { quoted } from "#kit/printable.ts";
import { MAX_PROJECTION_RANK, MAX_PROJECTIONS } from "../../limits.ts";
import type { ProgramShape, Site } from "../programs/program.ts";
import { siteDim } from "../programs/program.ts";
import type { Allocator } from "./allocator.ts";

/** A projection as it was given. */
export interface Projection {
  /** f32 [rank, dim], row-major. */
  readonly values: Float32Array;
  readonly rank: number;
  readonly dim: number;
}

/** A projection in use. */
export interface BoundProjection {
  readonly matrix: PackedMatrix;
  /** Floats of a projected row. */
  readonly rank: number;
  release(): void;
}

/** Stored projections of one engine. */
export interface ProjectionStore {
  /** Uploads; storing a digest again is free. @throws TrimtabError SHAPE_MISMATCH, NON_FINITE, OUT_OF_MEMORY */
  put(digest: string, projection: Projection): void;
  /**
   * Uses one for rows of a site; release it when done. `field` is what names it in the request, for errors.
   * @throws TrimtabError ARTIFACT_NOT_FOUND, SHAPE_MISMATCH
   */
  bind(digest: string, site: Site, field: string): BoundProjection;
}

interface Entry {
  readonly matrix: PackedMatrix;
  uses: number;
}

/** An empty store whose matrices live in `allocator`'s region of `memory`. */
export function createProjectionStore(
  memory: WebAssembly.Memory,
  allocator: Allocator,
  shape: ProgramShape,
): ProjectionStore {
  const entries = new Map<string, Entry>();
  const touch = (digest: string): Entry | undefined => {
    const entry = entries.get(digest);
    if (!entry) return undefined;
    entries.delete(digest);
    entries.set(digest, entry);
    return entry;
  };
  const evictOne = (): boolean => {
    for (const [digest, { uses, matrix }] of entries) {
      if (uses > 0) continue;
      entries.delete(digest);
      allocator.free(matrix.pointer);
      return true;
    }
    return false;
  };
  allocator.sharedWith(evictOne);
  return {
    put(digest, projection) {
      if (touch(digest)) return;
      check(projection, shape);
      if (entries.size >= MAX_PROJECTIONS && !evictOne()) {
        const limit = String(MAX_PROJECTIONS);
        throw new TrimtabError("OUT_OF_MEMORY", "every stored projection is in use", { limit });
      }
      const { rank: rows, dim: cols, values } = projection;
      const sizeBytes = packedBytes("f32", rows, cols);
      const matrix: PackedMatrix = {
        kind: "f32",
        rows,
        cols,
        pointer: allocator.allocate(sizeBytes, evictOne),
        sizeBytes,
      };
      repack(memory, matrix, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
      entries.set(digest, { matrix, uses: 0 });
    },
    bind(digest, site, field) {
      const entry = touch(digest);
      if (!entry) {
        const message = `no projection ${quoted(digest)} is stored here`;
        throw new TrimtabError("ARTIFACT_NOT_FOUND", message, { field });
      }
      const { matrix } = entry;
      const dim = siteDim(site, shape);
      if (matrix.cols !== dim) {
        const message = `the projection takes rows of ${matrix.cols}, the site ${site} has ${dim}`;
        throw new TrimtabError("SHAPE_MISMATCH", message, { field, limit: dim });
      }
      entry.uses++;
      return { matrix, rank: matrix.rows, release: () => void entry.uses-- };
    },
  };
}

function check({ values, rank, dim }: Projection, shape: ProgramShape): void {
  const dims = [...new Set([shape.width, shape.headsWidth, shape.feedForward])];
  if (!dims.includes(dim) || rank < 1 || rank > MAX_PROJECTION_RANK || values.length !== rank * dim) {
    const message = `[${rank}, ${dim}]: 1 to ${MAX_PROJECTION_RANK} rows of ${dims.join(" or ")} values are needed`;
    throw new TrimtabError("SHAPE_MISMATCH", message, {
      field: "matrix",
      limit: MAX_PROJECTION_RANK,
    });
  }
  if (allFinite(values)) return;
  throw new TrimtabError("NON_FINITE", "the projection is not finite", { field: "matrix" });
}
