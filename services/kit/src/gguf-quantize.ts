/**
 * Rows of floats → blocks of 32 elements as GGUF files hold them, in the rounding of the reference quantisers.
 * Source: the block formats of ggml and the quantisers of the PyPI package gguf, whose arithmetic is repeated here
 * (f32 scales, codes in exact arithmetic). Cost: about 10 ns an element.
 */
import { TrimtabError } from "./errors.ts";

/** Types that matrices can be quantized to at load, in the names users write. */
export const QUANTIZED_TYPES = ["q4_0", "q4_1", "q5_0", "q5_1", "q8_0"] as const;

/** One of them. */
export type QuantizedType = (typeof QUANTIZED_TYPES)[number];

/** Elements of a block. */
const BLOCK = 32;
const HALF = BLOCK / 2;
/** Bits of the exponent of a half-precision number; all set: infinite or no number. */
const HALF_EXPONENT = 0x7c00;

interface Format {
  readonly blockBytes: number;
  /** Half-precision numbers at its start. */
  readonly halves: 1 | 2;
  /** Writes the block of `values`[from, from + 32) at `at`; `codes` is room for 32 of them. */
  readonly write: (values: Float32Array, from: number, view: DataView, at: number, codes: Int32Array) => void;
}

const { fround } = Math;

/** A scale from the value of largest magnitude, codes around `zero`, of `bits` bits. */
const symmetric = (bits: 4 | 5): Format => {
  const zero = 2 ** (bits - 1);
  return {
    blockBytes: bits === 4 ? 18 : 22,
    halves: 1,
    write(values, from, view, at, codes) {
      const scale = fround(extreme(values, from) / -zero);
      const inverse = scale === 0 ? 0 : fround(1 / scale);
      view.setFloat16(at, scale, true);
      for (let i = 0; i < BLOCK; i++) {
        // Rounded once, as a fused multiply-add does; truncated.
        const code = fround((values[from + i] as number) * inverse + (zero + 0.5)) | 0;
        codes[i] = code < 2 * zero ? code : 2 * zero - 1;
      }
      writeCodes(view, at + 2, bits, codes);
    },
  };
};

/** A scale and the smallest value, codes from 0. */
const affine = (bits: 4 | 5): Format => {
  const largest = 2 ** bits - 1;
  return {
    blockBytes: bits === 4 ? 20 : 24,
    halves: 2,
    write(values, from, view, at, codes) {
      let least = Infinity;
      let most = -Infinity;
      for (let i = from; i < from + BLOCK; i++) {
        least = Math.min(least, values[i] as number);
        most = Math.max(most, values[i] as number);
      }
      const scale = fround(fround(most - least) / largest);
      const inverse = scale === 0 ? 0 : fround(1 / scale);
      view.setFloat16(at, scale, true);
      view.setFloat16(at + 2, least, true);
      for (let i = 0; i < BLOCK; i++) {
        const code = fround(fround(fround((values[from + i] as number) - least) * inverse) + 0.5) | 0;
        codes[i] = code < largest ? code : largest;
      }
      writeCodes(view, at + 4, bits, codes);
    },
  };
};

const q8: Format = {
  blockBytes: 34,
  halves: 1,
  write(values, from, view, at) {
    const scale = fround(Math.abs(extreme(values, from)) / 127);
    const inverse = scale === 0 ? 0 : fround(1 / scale);
    view.setFloat16(at, scale, true);
    for (let i = 0; i < BLOCK; i++) {
      const value = fround((values[from + i] as number) * inverse);
      // Halves go away from zero.
      view.setInt8(at + 2 + i, value < 0 ? -((0.5 - value) | 0) : (value + 0.5) | 0);
    }
  },
};

const FORMATS: Readonly<Record<QuantizedType, Format>> = {
  q4_0: symmetric(4),
  q4_1: affine(4),
  q5_0: symmetric(5),
  q5_1: affine(5),
  q8_0: q8,
};

/** True for the names of {@link QUANTIZED_TYPES}. */
export function isQuantizedType(name: string): name is QuantizedType {
  return (QUANTIZED_TYPES as readonly string[]).includes(name);
}

/**
 * Quantizes `values`, whole blocks of 32, into `into`; `field` names the tensor in errors.
 * @throws TrimtabError ARTIFACT_INVALID for values that are not finite or too large for a half-precision scale
 */
export function quantizeBlocks(
  type: QuantizedType,
  values: Float32Array,
  into: Uint8Array,
  field: string,
): void {
  const { blockBytes, halves, write } = FORMATS[type];
  const view = new DataView(into.buffer, into.byteOffset, into.length);
  const codes = new Int32Array(BLOCK);
  for (let block = 0; block < values.length / BLOCK; block++) {
    const at = block * blockBytes;
    write(values, block * BLOCK, view, at, codes);
    if (isFiniteHalf(view, at) && isFiniteHalf(view, at + 2 * (halves - 1))) continue;
    const message = `tensor ${field} holds values that are not finite, or too large for ${type}`;
    throw new TrimtabError("ARTIFACT_INVALID", message, { field });
  }
}

/** The value of largest magnitude of a block, the first of equals; NaN if there is one. */
function extreme(values: Float32Array, from: number): number {
  let found = 0;
  for (let i = from; i < from + BLOCK; i++) {
    const value = values[i] as number;
    if (!(Math.abs(value) <= Math.abs(found))) found = value;
    if (Number.isNaN(found)) return found;
  }
  return found;
}

/** Codes of a block: fifth bits in a word of their own, then element i below element i + 16. */
function writeCodes(view: DataView, at: number, bits: 4 | 5, codes: Int32Array): void {
  let fifth = 0;
  const nibbles = bits === 4 ? at : at + 4;
  for (let i = 0; i < HALF; i++) {
    const low = codes[i] as number;
    const high = codes[i + HALF] as number;
    fifth |= ((low >> 4) << i) | ((high >> 4) << (i + HALF));
    view.setUint8(nibbles + i, (low & 15) | ((high & 15) << 4));
  }
  if (bits === 5) view.setUint32(at, fifth >>> 0, true);
}

function isFiniteHalf(view: DataView, at: number): boolean {
  return (view.getUint16(at, true) & HALF_EXPONENT) !== HALF_EXPONENT;
}
