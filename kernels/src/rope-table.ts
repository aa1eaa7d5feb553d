/**
 * The rotary table: per position cos[rotary/2], then sin[rotary/2], f32. Sine, cosine and the powers of the base are
 * our own f64 arithmetic (sums and products only), so the bits are the same in every engine.
 * Cost: about 30 ns a value.
 */
import { KernelError } from "./errors.ts";
import { exponential, logarithm } from "./scalar-math.ts";
import type { Pointer } from "./types.ts";

/** What a table is made from. */
export interface RopeOptions {
  /** Positions 0 … positions - 1. */
  readonly positions: number;
  /** Dims of a head that rotate. */
  readonly rotary: number;
  /** Base of the frequencies base^(-2i/rotary). */
  readonly base: number;
  /** Factor on cosine and sine; 1 if omitted. */
  readonly magnitude?: number;
  /** [rotary/2]: each frequency is divided by its factor (the `rope_freqs` tensor). */
  readonly frequencyFactors?: ArrayLike<number>;
}

/** Bytes of a table. */
export function ropeTableBytes(positions: number, rotary: number): number {
  return positions * rotary * 4;
}

/**
 * Fills a table.
 * @throws KernelError FIELD_OUT_OF_RANGE for a base that is not positive
 */
export function fillRopeTable(memory: WebAssembly.Memory, pointer: Pointer, options: RopeOptions): void {
  const { positions, rotary, base, magnitude = 1, frequencyFactors } = options;
  if (!(base > 0 && Number.isFinite(base))) throw new KernelError("FIELD_OUT_OF_RANGE", `rope base ${base}`);
  const half = rotary / 2;
  const out = new Float32Array(memory.buffer, pointer, positions * rotary);
  const log = logarithm(base);
  for (let i = 0; i < half; i++) {
    const frequency = exponential((-2 * i * log) / rotary) / (frequencyFactors?.[i] ?? 1);
    for (let position = 0; position < positions; position++) {
      const at = position * rotary + i;
      writeAngle(out, at, at + half, position * frequency, magnitude);
    }
  }
}

const TWO_OVER_PI = 0.6366197723675814;
/** π/2 in three parts of 33 bits, so that multiples below 2^20 are exact. */
const QUARTER = [1.5707963267341256, 6.077100506303966e-11, 2.0222662487959506e-21] as const;

/** cos and sin of an angle ≥ 0 (below 2^20 quarter turns), times `magnitude`, into `out`. */
function writeAngle(out: Float32Array, cosAt: number, sinAt: number, angle: number, magnitude: number): void {
  const turns = Math.round(angle * TWO_OVER_PI);
  const r = angle - turns * QUARTER[0] - turns * QUARTER[1] - turns * QUARTER[2];
  const s = r * r;
  // Taylor to r^13 and r^14: below 1e-12 for |r| ≤ π/4.
  const sin =
    r * (1 - (s / 6) * (1 - (s / 20) * (1 - (s / 42) * (1 - (s / 72) * (1 - (s / 110) * (1 - s / 156))))));
  const cos =
    1 -
    (s / 2) *
      (1 - (s / 12) * (1 - (s / 30) * (1 - (s / 56) * (1 - (s / 90) * (1 - (s / 132) * (1 - s / 182))))));
  const isOdd = turns % 2 === 1;
  const cosSign = turns % 4 === 1 || turns % 4 === 2 ? -magnitude : magnitude;
  const sinSign = turns % 4 >= 2 ? -magnitude : magnitude;
  out[cosAt] = cosSign * (isOdd ? sin : cos);
  out[sinAt] = sinSign * (isOdd ? cos : sin);
}
