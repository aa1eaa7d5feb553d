/**
 * IQ4_NL and IQ4_XS as Q8_0: their 16 values are int8, and the products of f16 and 6-bit scales are exact in the f32
 * scales of the packed Q8_0. Source: the block layouts of the GGUF specification.
 */
import { Q8_0_BYTES } from "../assembly/layout.ts";
import { finite, halfToFloat } from "./half.ts";
import type { PackJob } from "./pack-plain.ts";

/** What a nibble of both kinds stands for. */
const VALUES = Int8Array.of(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);
const NL_BYTES = 18;
const XS_BYTES = 136;

/** Packs whole rows. @throws KernelError ARTIFACT_INVALID for a scale that is not finite */
export function packTable({ from, rows, blocks, to }: PackJob, isXs: boolean): void {
  const floats = new Float32Array(to.buffer, to.byteOffset, to.byteLength >> 2);
  const values = new Int8Array(32);
  for (let row = 0; row < rows; row++) {
    const lane = row & 7;
    for (let b = 0; b < blocks; b++) {
      const block = ((row >> 3) * blocks + b) * Q8_0_BYTES;
      floats[(block >> 2) + 64 + lane] = readTableBlock(from, row * blocks + b, isXs, values);
      for (let k = 0; k < 32; k++) to[block + (k >> 1) * 16 + lane * 2 + (k & 1)] = values[k]!;
    }
  }
}

/** Puts the table values of 32 columns, the `index`-th of the rows, into `values`; answers their scale. */
export function readTableBlock(from: Uint8Array, index: number, isXs: boolean, values: Int8Array): number {
  const word = (at: number) => from[at]! | (from[at + 1]! << 8);
  const part = index & 7;
  const at = isXs ? (index >> 3) * XS_BYTES : index * NL_BYTES;
  const nibbles = isXs ? at + 8 + part * 16 : at + 2;
  const scale = halfToFloat(finite(word(at)));
  const low = (from[at + 4 + (part >> 1)]! >> (4 * (part & 1))) & 15;
  const factor = isXs ? (low | (((word(at + 2) >> (2 * part)) & 3) << 4)) - 32 : 1;
  for (let k = 0; k < 16; k++) {
    const byte = from[nibbles + k]!;
    values[k] = VALUES[byte & 15]!;
    values[16 + k] = VALUES[byte >> 4]!;
  }
  return scale * factor;
}
