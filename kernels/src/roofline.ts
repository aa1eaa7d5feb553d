/**
 * How fast the products could be at most: a product must read its weights once and issue its vector operations; whichever
 * of the two takes longer at the rates measured here is its bound. Operations are counted in the compiled loops (loads,
 * stores and addresses not among them: they go to other ports), so the bound holds for 128-bit vectors, which is what
 * WebAssembly has. Cost: some 10 ms a measurement.
 */
import { OPERATIONS_A_TURN } from "../assembly/layout.ts";
import type { KernelModule } from "./module.ts";
import { chooseVariant } from "./module.ts";
import type { PackedMatrix, Pointer, WeightKind } from "./types.ts";

/** What one thread of this machine reaches. */
export interface MachinePeak {
  readonly bytesPerMs: number;
  /** 128-bit vector operations. */
  readonly operationsPerMs: number;
}

/** Vector operations of the loops of one kind. */
interface Counts {
  /** One row of activations, a group of 8 weight rows, 32 columns. */
  readonly gemv: number;
  /** Two rows of activations, the same weights, unpacked. */
  readonly tile: number;
  /** Unpacking them. */
  readonly unpack: number;
}

const COUNTS: Partial<Record<WeightKind, Counts>> = {
  q4_0: { gemv: 70, tile: 84, unpack: 28 },
  q4_1: { gemv: 76, tile: 88, unpack: 32 },
  q5_0: { gemv: 93, tile: 86, unpack: 50 },
  q8_0: { gemv: 104, tile: 140, unpack: 32 },
  q4_k: { gemv: 87, tile: 88, unpack: 41 },
  q6_k: { gemv: 100, tile: 98, unpack: 51 },
};
/** Attention over int8 keys and values, four query vectors at a time: operations a multiply-add. */
const ATTENTION_OPERATIONS = 0.39;
const GROUP_BLOCK = 256;
const TURNS = 100_000;
const TRIES = 5;

/**
 * Measures one thread, the caller: the best of some tries.
 * @param from where `sizeBytes` readable bytes begin, larger than the caches
 * @param now milliseconds: a clock, or the processor time of this thread
 */
export function measurePeak(
  module: KernelModule,
  memory: WebAssembly.Memory,
  from: Pointer,
  sizeBytes: number,
  now: () => number,
): MachinePeak {
  const { kernels } = chooseVariant(module, memory);
  const bytes = sizeBytes - (sizeBytes % 1024);
  const rate = (units: number, call: () => void): number => {
    const times = Array.from({ length: TRIES }, () => {
      const beganMs = now();
      call();
      return now() - beganMs;
    });
    return units / Math.min(...times);
  };
  kernels.issue(TURNS);
  kernels.readThrough(from, bytes);
  return {
    bytesPerMs: rate(bytes, () => kernels.readThrough(from, bytes)),
    operationsPerMs: rate(TURNS * OPERATIONS_A_TURN, () => kernels.issue(TURNS)),
  };
}

/** Least milliseconds of a product on one thread; null for kinds whose loops have not been counted. */
export function matmulBoundMs(weight: PackedMatrix, rows: number, peak: MachinePeak): number | null {
  const counts = COUNTS[weight.kind];
  if (!counts) return null;
  const { gemv, tile, unpack } = counts;
  const each = rows === 1 ? gemv : unpack + tile * (rows / 2);
  const operations = each * ((weight.rows * weight.cols) / GROUP_BLOCK);
  return Math.max(weight.sizeBytes / peak.bytesPerMs, operations / peak.operationsPerMs);
}

/** Least milliseconds of attention that is `macs` multiply-adds, keys and values together. */
export function attentionBoundMs(macs: number, peak: MachinePeak): number {
  return (macs * ATTENTION_OPERATIONS) / peak.operationsPerMs;
}
