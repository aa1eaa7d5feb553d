/**
 * Steps of a fit or a build, kept as findings under its key: one that was killed finds what it had read, generated and measured, and
 * does only the rest. They go when the artifact is stored. A kept step that cannot be read is made again.
 */
import { parseSafetensors, safetensorsToF32, writeSafetensors } from "#kit/safetensors.ts";
import type { ArtifactStore } from "#kit/artifact-store.ts";
import { hasReason } from "#kit/errors.ts";
import { ArtifactKind } from "#proto/trimtab/type/v1/artifact_pb.ts";
import type { z } from "zod";

/** A matrix f32 [rows, width]. */
export interface KeptMatrix {
  readonly shape: readonly [rows: number, width: number];
  readonly data: Float32Array;
}

/** Rows of one width as a matrix. */
export function matrixOf(rows: readonly Float32Array[]): KeptMatrix {
  const width = rows[0]?.length ?? 0;
  const data = new Float32Array(rows.length * width);
  for (const [n, row] of rows.entries()) data.set(row, n * width);
  return { shape: [rows.length, width], data };
}

/** Steps of one fit or build. */
export interface Steps {
  /** What a step found, as JSON; made and kept if it was not. */
  found<T>(step: string, schema: z.ZodType<T>, make: () => Promise<T>): Promise<T>;
  /** The matrices that a step read, by name; made and kept if they were not. */
  read(
    step: string,
    make: () => Promise<Readonly<Record<string, KeptMatrix>>>,
  ): Promise<Readonly<Record<string, KeptMatrix>>>;
  /** Removes all steps. */
  clear(): void;
}

const KEY_CHARS = 16;

/** Steps under a key. @param key of the fit or build, hex */
export function createSteps(
  store: ArtifactStore,
  work: "fit" | "build",
  key: string,
  modelDigest: string,
): Steps {
  const prefix = `${work}.${key.slice(0, KEY_CHARS)}.`;
  async function kept<T>(
    step: string,
    decode: (bytes: Uint8Array) => T,
    make: () => Promise<T>,
    encode: (value: T) => Uint8Array,
  ): Promise<T> {
    const name = `${prefix}${step}`;
    try {
      return decode(store.get(name).bytes);
    } catch {
      const value = await make();
      store.put({ name, kind: ArtifactKind.FINDING, bytes: encode(value), modelDigest, replace: true });
      return value;
    }
  }
  return {
    found: (step, schema, make) =>
      kept(
        step,
        (bytes) => schema.parse(JSON.parse(new TextDecoder().decode(bytes))),
        make,
        (value) => new TextEncoder().encode(JSON.stringify(value)),
      ),
    read: (step, make) => kept(step, decodeMatrices, make, writeSafetensors),
    clear() {
      for (const { name } of store.list({ kind: ArtifactKind.FINDING }))
        if (name.startsWith(prefix)) remove(store, name);
    },
  };
}

function decodeMatrices(bytes: Uint8Array): Readonly<Record<string, KeptMatrix>> {
  const { tensors } = parseSafetensors(bytes);
  return Object.fromEntries(
    [...tensors].map(([name, tensor]) => {
      const [rows = 0, width = 0] = tensor.shape;
      return [name, { shape: [rows, width], data: safetensorsToF32(name, tensor) }];
    }),
  );
}

/** Somebody else may have removed it in between. */
function remove(store: ArtifactStore, name: string): void {
  try {
    store.delete(name);
  } catch (error) {
    if (!hasReason(error, "ARTIFACT_NOT_FOUND")) throw error;
  }
}
