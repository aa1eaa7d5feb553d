/**
 * Kinds whose blocks are 32 columns or less to the kernels' layout (diagrams in assembly/matmul-*.ts).
 * Cost: about 1 ns a 32-bit word for Q4 and Q8_0, 2 ns a weight for Q5.
 */
import { Q5_0_BYTES, Q5_1_BYTES } from "../assembly/layout.ts";
import { finite, halfToFloat } from "./half.ts";
import { put5 } from "./pack-bits.ts";

/** Rows of a file's blocks and the packed bytes they become. */
export interface PackJob {
  /** Begins at a multiple of 4. */
  readonly from: Uint8Array;
  readonly rows: number;
  /** Blocks of 32 columns. */
  readonly blocks: number;
  readonly to: Uint8Array;
}

/** The 16- and 32-bit words of some bytes. */
export const shorts = (bytes: Uint8Array) =>
  new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 1);
export const words = (bytes: Uint8Array) =>
  new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 2);

/** Q4_0 and Q4_1. High nibbles are stored less the carries of the kernels' rounding shift, see pack-bits.ts. */
export function packQ4(
  { from, rows, blocks, to }: PackJob,
  sourceBytes: number,
  blockBytes: number,
  isQ41: boolean,
): void {
  const input = shorts(from);
  const out = words(to);
  const halves = shorts(to);
  const outWords = blockBytes >> 2;
  const values = isQ41 ? 2 : 1;
  let at = 0;
  for (let row = 0; row < rows; row++) {
    const lane = row & 7;
    let block = (row >> 3) * blocks * outWords;
    for (let b = 0; b < blocks; b++, block += outWords, at += sourceBytes >> 1) {
      const base = block + (lane >> 2) * 16 + (lane & 3);
      for (let j = 0; j < 4; j++) {
        const low = input[at + values + 2 * j] ?? 0;
        const high = input[at + values + 2 * j + 1] ?? 0;
        out[base + 4 * j] = compensate(low) | (compensate(high) << 16);
      }
      const scales = 2 * block + 64;
      halves[scales + scalePlace(lane, isQ41)] = finite(input[at] ?? 0);
      if (isQ41) halves[scales + 2 * lane + 1] = finite(input[at + 1] ?? 0);
    }
  }
}

/** Two bytes with their high nibbles less the carries of the rounding shift. */
function compensate(pair: number): number {
  const first = (pair & 0xff0f) | ((pair - ((pair & 8) << 1)) & 0xf0);
  return (first & 0x0ff8) === 0x0ff8 ? (first - 0x1000) & 0xffff : first;
}

/** Where a row's f16 scale is among the 16-bit words of a block's scales. */
function scalePlace(lane: number, hasMinimum: boolean): number {
  return hasMinimum ? 2 * lane : 2 * (lane & 3) + (lane >> 2);
}

/** Q5_0 and Q5_1. */
export function packQ5({ from, rows, blocks, to }: PackJob, isQ51: boolean): void {
  const out = shorts(to);
  const q = new Uint8Array(32);
  const blockWords = (isQ51 ? Q5_1_BYTES : Q5_0_BYTES) >> 1;
  const header = isQ51 ? 4 : 2;
  const half = (at: number) => finite(from[at]! | (from[at + 1]! << 8));
  let at = 0;
  for (let row = 0; row < rows; row++) {
    const lane = row & 7;
    let block = (row >> 3) * blocks * blockWords;
    for (let b = 0; b < blocks; b++, block += blockWords, at += header + 20) {
      const bits = at + header;
      const high = from[bits]! | (from[bits + 1]! << 8) | (from[bits + 2]! << 16) | (from[bits + 3]! << 24);
      for (let k = 0; k < 16; k++) {
        const byte = from[bits + 4 + k]!;
        q[k] = (byte & 15) | (((high >>> k) & 1) << 4);
        q[16 + k] = (byte >> 4) | (((high >>> (16 + k)) & 1) << 4);
      }
      put5(out, block + (lane >> 2) * 40 + (lane & 3) * 2, q, 0);
      out[block + 80 + scalePlace(lane, isQ51)] = half(at);
      if (isQ51) out[block + 80 + 2 * lane + 1] = half(at + 2);
    }
  }
}

/** Q8_0. */
export function packQ8({ from, rows, blocks, to }: PackJob): void {
  const input = shorts(from);
  const out = shorts(to);
  const floats = new Float32Array(to.buffer, to.byteOffset, to.byteLength >> 2);
  let at = 0;
  for (let row = 0; row < rows; row++) {
    const lane = row & 7;
    let block = (row >> 3) * blocks * 144;
    for (let b = 0; b < blocks; b++, block += 144, at += 17) {
      for (let p = 0; p < 16; p++) out[block + p * 8 + lane] = input[at + 1 + p] ?? 0;
      floats[(block >> 1) + 64 + lane] = halfToFloat(finite(input[at] ?? 0));
    }
  }
}

/** F32, F16 and BF16: column by column, 8 rows side by side; 16-bit rows i and 4 + i are neighbours. */
export function packColumns<T extends Uint16Array | Uint32Array>(
  out: T,
  input: T,
  rows: number,
  cols: number,
  exponent: number,
): void {
  const isHalf = input instanceof Uint16Array;
  for (const value of input) finite(value, exponent);
  for (let row = 0; row < rows; row++) {
    const lane = isHalf ? 2 * (row & 3) + ((row >> 2) & 1) : row & 7;
    let to = (row >> 3) * cols * 8 + lane;
    for (let k = 0; k < cols; k++, to += 8) out[to] = input[row * cols + k] ?? 0;
  }
}
