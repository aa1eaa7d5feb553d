// A bench for one operator: an arena with canaries between its regions, seeded numbers, random GGUF blocks.

import type { Compute, PackedMatrix, Pointer, WeightSource } from "#kernels";
import {
  ARENA_START,
  createCompute,
  createMemory,
  loadModule,
  packedBytes,
  packedKind,
  repack,
} from "#kernels";
import { createFormats, type Formats } from "../oracle/formats.ts";

const CANARY_BYTES = 64;
const CANARY = 0xa5;

/** The compiled kernels, once for a test file. */
export const kernelModule = await loadModule();

/** Columns and bytes of a block in a GGUF file, and where its f16 numbers are. */
export const BLOCKS: Readonly<
  Record<WeightSource, readonly [columns: number, bytes: number, halves: readonly number[]]>
> = {
  q4_0: [32, 18, [0]],
  q4_1: [32, 20, [0, 2]],
  q5_0: [32, 22, [0]],
  q5_1: [32, 24, [0, 2]],
  q8_0: [32, 34, [0]],
  q2_k: [256, 84, [80, 82]],
  q3_k: [256, 110, [108]],
  q4_k: [256, 144, [0, 2]],
  q5_k: [256, 176, [0, 2]],
  q6_k: [256, 210, [208]],
  iq4_nl: [32, 18, [0]],
  iq4_xs: [256, 136, [0]],
  f16: [32, 64, []],
  bf16: [32, 64, []],
  f32: [32, 128, []],
};
export const SOURCES = Object.keys(BLOCKS) as WeightSource[];

/** One for all test files of a process; it ends with its standard input. */
let formats: Promise<Formats> | undefined;

/** The f32 values of GGUF blocks, by the reference. */
export async function dequantize(source: WeightSource, bytes: Uint8Array): Promise<Float32Array> {
  formats ??= createFormats();
  return (await formats).dequantize(source.toUpperCase(), bytes);
}

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

/** Random GGUF blocks of a [rows, cols] matrix: all bytes occur, some blocks are all ones; scales of all sizes and signs. */
export function randomSource(
  source: WeightSource,
  rows: number,
  cols: number,
  random: () => number,
): Uint8Array {
  const [columns, blockBytes, halves] = BLOCKS[source];
  const bytes = new Uint8Array((rows * cols * blockBytes) / columns);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < bytes.length; i++) bytes[i] = random() * 256;
  const number = () => (random() < 0.5 ? -1 : 1) * 2 ** (random() * 8 - 10);
  const half = () =>
    random() < 0.1 ? Math.floor(random() * 1024) | (random() < 0.5 ? 0x8000 : 0) : toHalf(number());
  for (let at = 0; at < bytes.length; at += blockBytes) {
    if (random() < 0.1) bytes.fill(255, at, at + blockBytes);
    for (const offset of halves) view.setUint16(at + offset, half(), true);
    for (let i = 0; source === "f32" && i < 128; i += 4) view.setFloat32(at + i, number(), true);
    for (let i = 0; source === "f16" && i < 64; i += 2) view.setUint16(at + i, toHalf(number()), true);
    for (let i = 0; source === "bf16" && i < 64; i += 2)
      view.setUint16(at + i, (new Uint32Array(Float32Array.of(number()).buffer)[0] ?? 0) >>> 16, true);
  }
  return bytes;
}

/** A packed random matrix and the values the reference finds in its source. */
export async function createMatrix(
  bench: Bench,
  source: WeightSource,
  rows: number,
  cols: number,
  random: () => number,
): Promise<{ matrix: PackedMatrix; values: Float32Array; bytes: Uint8Array }> {
  const bytes = randomSource(source, rows, cols, random);
  const kind = packedKind(source);
  const sizeBytes = packedBytes(kind, rows, cols);
  const matrix = { kind, rows, cols, pointer: bench.bytes(sizeBytes), sizeBytes };
  repack(bench.memory, matrix, bytes, { source });
  return { matrix, values: await dequantize(source, bytes), bytes };
}

/** Threads with one region to run: `addOne` adds 1 to every number, and `holds` tells whether all are what they must be. */
export async function createCounter(options: { readonly threads: number; readonly spinPolls?: number }) {
  const bench = createBench(4 * 2 ** 20);
  const [rows, cols] = [64, 512];
  const x = bench.floats(rows * cols);
  const y = bench.floats(rows * cols);
  y.view.fill(1);
  const compute = await createCompute({ module: kernelModule, memory: bench.memory, ...options });
  const { operators } = compute;
  return {
    ...compute,
    addOne: () => operators.addRows({ x: x.pointer, y: y.pointer, rows, cols }),
    holds: (count: number) => x.view.every((value) => value === count) && bench.intact(),
  };
}
