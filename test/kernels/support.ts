// A bench for one operator: an arena with canaries between its regions, seeded numbers, random GGUF blocks.

import type { Compute, PackedMatrix, Pointer, WeightKind } from "#kernels";
import { ARENA_START, createCompute, createMemory, loadModule, packedBytes, repack } from "#kernels";

const CANARY_BYTES = 64;
const CANARY = 0xa5;

/** The compiled kernels, once for a test file. */
export const kernelModule = await loadModule();

/** Bytes of 32 columns in a GGUF file. */
export const SOURCE_BYTES: Readonly<Record<WeightKind, number>> = {
  f32: 128,
  f16: 64,
  q4_0: 18,
  q4_1: 20,
  q8_0: 34,
};
export const KINDS: readonly WeightKind[] = ["q4_0", "q4_1", "q8_0", "f16", "f32"];

/** An arena that gives out regions with canaries around them. */
export interface Bench {
  readonly memory: WebAssembly.Memory;
  floats(count: number): { pointer: Pointer; view: Float32Array };
  ints(values: readonly number[]): Pointer;
  bytes(count: number): Pointer;
  /** True when no canary has changed. */
  intact(): boolean;
}

/** A bench of `sizeBytes`, its first region at `start`. */
export function createBench(sizeBytes = 48 * 2 ** 20, start = ARENA_START): Bench {
  const memory = createMemory(start + sizeBytes);
  const canaries: Uint8Array[] = [];
  let end = start;
  const guard = () => {
    canaries.push(new Uint8Array(memory.buffer, end, CANARY_BYTES).fill(CANARY));
    end += CANARY_BYTES;
  };
  guard();
  const bytes = (count: number): Pointer => {
    const pointer = end;
    end = Math.ceil((end + count) / 16) * 16;
    // The canary starts at the very next byte.
    new Uint8Array(memory.buffer, pointer + count, end - pointer - count).fill(CANARY);
    canaries.push(new Uint8Array(memory.buffer, pointer + count, end - pointer - count));
    guard();
    return pointer;
  };
  return {
    memory,
    bytes,
    floats(count) {
      const pointer = bytes(count * 4);
      return { pointer, view: new Float32Array(memory.buffer, pointer, count) };
    },
    ints(values) {
      const pointer = bytes(values.length * 4);
      new Int32Array(memory.buffer, pointer, values.length).set(values);
      return pointer;
    },
    intact: () => canaries.every((canary) => canary.every((byte) => byte === CANARY)),
  };
}

/** Runs `body` under 1 and 2 threads and both variants, which share the bench. */
export async function underAll(bench: Bench, body: (compute: Compute["operators"]) => void): Promise<void> {
  for (const threads of [1, 2]) {
    for (const simd of ["relaxed", "plain"] as const) {
      const compute = await createCompute({ module: kernelModule, memory: bench.memory, threads, simd });
      try {
        body(compute.operators);
      } finally {
        await compute.close();
      }
    }
  }
}

/** Uniform numbers in [0, 1) from a seed (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Roughly normal numbers of very different sizes: each block of 32 has its own scale, some blocks are zero. */
export function fillWild(view: Float32Array, random: () => number, mild = false): void {
  for (let block = 0; block < view.length; block += 32) {
    const scale = mild ? 1 : random() < 0.1 ? 0 : 10 ** (random() * 12 - 6);
    for (let i = block; i < Math.min(block + 32, view.length); i++) {
      view[i] = (random() + random() + random() - 1.5) * scale;
    }
  }
}

const toHalf = (value: number) => {
  const bits = new Uint32Array(new Float32Array([value]).buffer)[0] ?? 0;
  return ((bits >>> 16) & 0x8000) | (((bits >>> 13) & 0x3ffff) - (112 << 10));
};

/** Random GGUF blocks of a [rows, cols] matrix: every byte value occurs, scales of both signs and sizes. */
export function randomSource(kind: WeightKind, rows: number, cols: number, random: () => number): Uint8Array {
  const blockBytes = SOURCE_BYTES[kind];
  const source = new Uint8Array((rows * cols * blockBytes) / 32);
  const view = new DataView(source.buffer);
  for (let i = 0; i < source.length; i++) source[i] = random() * 256;
  const number = () => (random() < 0.5 ? -1 : 1) * 2 ** (random() * 8 - 10);
  for (let at = 0; at < source.length; at += blockBytes) {
    if (kind === "f32") for (let i = 0; i < 128; i += 4) view.setFloat32(at + i, number(), true);
    else if (kind === "f16") for (let i = 0; i < 64; i += 2) view.setUint16(at + i, toHalf(number()), true);
    else view.setUint16(at, toHalf(number()), true);
    if (kind === "q4_1") view.setUint16(at + 2, toHalf(number()), true);
  }
  return source;
}

/** The exact values of GGUF blocks, row-major, straight from the format's definition. */
export function dequantize(kind: WeightKind, source: Uint8Array): Float64Array {
  const view = new DataView(source.buffer, source.byteOffset, source.byteLength);
  const out: number[] = [];
  for (let at = 0; at < source.length; at += SOURCE_BYTES[kind]) {
    const half = (offset: number) => view.getFloat16(at + offset, true);
    const nibble = (offset: number, i: number) =>
      (view.getUint8(at + offset + (i % 16)) >> (i < 16 ? 0 : 4)) & 15;
    for (let i = 0; i < 32; i++) {
      if (kind === "f32") out.push(view.getFloat32(at + i * 4, true));
      else if (kind === "f16") out.push(half(i * 2));
      else if (kind === "q8_0") out.push(half(0) * view.getInt8(at + 2 + i));
      else if (kind === "q4_0") out.push(half(0) * (nibble(2, i) - 8));
      else out.push(half(0) * nibble(4, i) + half(2));
    }
  }
  return Float64Array.from(out);
}

/** A packed random matrix and its exact values. */
export function createMatrix(
  bench: Bench,
  kind: WeightKind,
  rows: number,
  cols: number,
  random: () => number,
): { matrix: PackedMatrix; values: Float64Array; source: Uint8Array } {
  const source = randomSource(kind, rows, cols, random);
  const sizeBytes = packedBytes(kind, rows, cols);
  const matrix = { kind, rows, cols, pointer: bench.bytes(sizeBytes), sizeBytes };
  repack(bench.memory, matrix, source);
  return { matrix, values: dequantize(kind, source), source };
}
