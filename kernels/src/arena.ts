/**
 * The arena: one shared memory, planned before anything is loaded and never grown. Its first `ARENA_START` bytes belong
 * to the kernels (control lines, constants, scratch of each thread); the rest is the caller's.
 */
import { ARENA_START, CONSTANTS, TABLE } from "../assembly/layout.ts";
import { KernelError } from "./errors.ts";
import { useLargePages } from "./large-pages.ts";

export { ARENA_START } from "../assembly/layout.ts";

/** Largest arena: pointers stay clear of 2^32 with room for the widest load. */
export const MAX_ARENA_BYTES = 3.75 * 2 ** 30;
/** Alignment of every region: a cache line. */
export const ARENA_ALIGNMENT = 64;
const WASM_PAGE_BYTES = 65_536;

/** What a plan is made from. */
export interface ArenaRegion {
  readonly name: string;
  readonly sizeBytes: number;
}

/** Where everything goes. */
export interface ArenaPlan {
  readonly offsets: ReadonlyMap<string, number>;
  /** One past the last byte, the kernels' own part included. */
  readonly totalBytes: number;
}

/**
 * Places regions behind one another from `ARENA_START` on, each at a multiple of 64.
 * @throws KernelError OUT_OF_MEMORY above 3.75 GiB, INVALID_ARGUMENT for bad sizes or repeated names
 */
export function planArena(regions: readonly ArenaRegion[]): ArenaPlan {
  const offsets = new Map<string, number>();
  let end = ARENA_START;
  for (const { name, sizeBytes } of regions) {
    if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0 || offsets.has(name)) {
      throw new KernelError("INVALID_ARGUMENT", `region ${name}: bad size ${sizeBytes} or repeated name`);
    }
    const start = Math.ceil(end / ARENA_ALIGNMENT) * ARENA_ALIGNMENT;
    offsets.set(name, start);
    end = start + sizeBytes;
  }
  checkSize(end);
  return { offsets, totalBytes: end };
}

/**
 * A shared memory of the planned size (initial = maximum), of large pages where the system gives them, with the kernels'
 * constants in place.
 * @throws KernelError OUT_OF_MEMORY above 3.75 GiB or when the system refuses
 */
export function createMemory(plan: ArenaPlan | number): WebAssembly.Memory {
  const totalBytes = typeof plan === "number" ? plan : plan.totalBytes;
  checkSize(totalBytes);
  const pages = Math.ceil(Math.max(totalBytes, ARENA_START) / WASM_PAGE_BYTES);
  let memory: WebAssembly.Memory;
  try {
    memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  } catch {
    throw new KernelError(
      "OUT_OF_MEMORY",
      `the system refused ${pages * WASM_PAGE_BYTES} bytes of shared memory`,
    );
  }
  useLargePages(memory, true);
  initConstants(memory);
  return memory;
}

/** Writes the constants table (`C_…` of assembly/math.ts, in that order), 16 bytes each. */
export function initConstants(memory: WebAssembly.Memory): void {
  const view = new DataView(memory.buffer);
  view.setUint32(TABLE, CONSTANTS, true);
  let at = CONSTANTS;
  const floats = (...values: readonly number[]) =>
    write(4, values, (to, value) => view.setFloat32(to, value, true));
  const ints = (...values: readonly number[]) =>
    write(4, values, (to, value) => view.setInt32(to, value, true));
  const shorts = (value: number) => write(2, [value], (to) => view.setInt16(to, value, true));
  const bytes = (value: number) => write(1, [value], (to) => view.setInt8(to, value));
  const write = (width: number, values: readonly number[], put: (to: number, value: number) => void) => {
    for (let i = 0; i < 16 / width; i++) put(at + i * width, values[i % values.length] ?? 0);
    at += 16;
  };
  shorts(1);
  bytes(15);
  shorts(2048);
  bytes(1);
  shorts(-8);
  floats(12_582_912);
  ints(0x4b400000);
  floats(-87);
  // e^x: log2 e, ln 2 in two parts, and the minimax polynomial of (e^r - 1 - r)/r² (Cephes expf).
  floats(1.44269504088896341);
  floats(0.693359375);
  floats(-2.1219444e-4);
  for (const value of EXP_COEFFICIENTS) floats(value);
  floats(1);
  floats(2 ** 112);
  ints(0, 1, 2, 3);
  floats(-1e30);
  ints(1, 2, 4, 8);
  ints(8192);
  ints(8192 << 16);
  ints(0x8fffe000 | 0);
  floats(2 ** 56);
  for (const mask of [31, 28, 3, 2, 63, 48, 12]) bytes(mask);
  for (const shift of [3, 5, 2, 6]) shorts(2 ** (15 - shift));
  floats(16);
  ints(0x80000000 | 0);
  ints(0x7fffffff);
  // 2^x (exp2.ts): the least sum, the mask and the factor of its whole part, the coefficients.
  floats(128);
  ints(0xffff0000 | 0);
  ints(128 << 16);
  for (const value of EXP2_COEFFICIENTS) floats(-value);
}

const EXP_COEFFICIENTS = [
  1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1,
];

/** Minimax of 2^f, 0 ≤ f < 1, among the polynomials that are 1 at 0: relative error 2.9e-6. */
const EXP2_COEFFICIENTS = [1, 0.69304484491, 0.2412802047, 0.05224247427, 0.01342668425];

function checkSize(totalBytes: number): void {
  if (totalBytes <= MAX_ARENA_BYTES) return;
  throw new KernelError(
    "OUT_OF_MEMORY",
    `the arena needs ${totalBytes} bytes, the limit is ${MAX_ARENA_BYTES}`,
  );
}
