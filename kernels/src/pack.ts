/**
 * GGUF blocks to the kernels' weight layout (diagrams in assembly/matmul-*.ts): 8 rows interleaved.
 * Quantized values stay what they are. Cost: about 1 ns a 32-bit word on one thread.
 *
 * High nibbles of Q4 are stored less the carry that the kernels' rounding shift brings: the shift computes (v + 8) >> 4
 * of two bytes at once, so a low nibble ≥ 8 adds one to the high nibble, and 0xff8 … 0xfff in the low 12 bits adds one
 * to the upper byte's.
 */
import {
  BLOCK, F16_BLOCK_BYTES, F32_BLOCK_BYTES, GROUP, KIND_F16, KIND_F32, KIND_Q4_0, KIND_Q4_1, KIND_Q8_0, MAX_COLS,
  Q4_0_BYTES, Q4_1_BYTES, Q8_0_BYTES,
} from "../assembly/layout.ts"; // prettier-ignore
import { KernelError } from "./errors.ts";
import type { PackedMatrix, WeightKind } from "./types.ts";

/** Numbers of a weight kind: its code in the kernels, bytes of 32 columns in the file, of 8 x 32 when packed. */
export const WEIGHT_KINDS = {
  f32: { code: KIND_F32, sourceBytes: 128, packedBytes: F32_BLOCK_BYTES },
  f16: { code: KIND_F16, sourceBytes: 64, packedBytes: F16_BLOCK_BYTES },
  q4_0: { code: KIND_Q4_0, sourceBytes: 18, packedBytes: Q4_0_BYTES },
  q4_1: { code: KIND_Q4_1, sourceBytes: 20, packedBytes: Q4_1_BYTES },
  q8_0: { code: KIND_Q8_0, sourceBytes: 34, packedBytes: Q8_0_BYTES },
} as const satisfies Record<WeightKind, { code: number; sourceBytes: number; packedBytes: number }>;

/**
 * Bytes of a packed [rows, cols] matrix.
 * @throws KernelError SHAPE_MISMATCH unless cols is a multiple of 32 up to 16384
 */
export function packedBytes(kind: WeightKind, rows: number, cols: number): number {
  if (!Number.isSafeInteger(rows) || rows < 1 || cols < BLOCK || cols % BLOCK !== 0 || cols > MAX_COLS) {
    throw new KernelError(
      "SHAPE_MISMATCH",
      `[${rows}, ${cols}]: columns must be a multiple of 32 up to ${MAX_COLS}`,
    );
  }
  return Math.ceil(rows / GROUP) * (cols / BLOCK) * WEIGHT_KINDS[kind].packedBytes;
}

/** Which rows of the target a source fills. */
export interface RepackOptions {
  /** First row inside the target, a multiple of 8. */
  readonly firstRow?: number;
  /** Rows of the source; all of the target by default. */
  readonly rows?: number;
}

/**
 * Packs `rows` rows of GGUF blocks (row-major) into rows [firstRow, firstRow + rows) of a matrix. Several sources of
 * one kind (q, k and v; gate and up) may fill one matrix; only the last may have a number of rows that is no multiple
 * of 8, and the rest of its group becomes zeros.
 * @throws KernelError SHAPE_MISMATCH, ARTIFACT_INVALID for f16 weights or scales that are not finite
 */
export function repack(
  memory: WebAssembly.Memory,
  target: PackedMatrix,
  source: Uint8Array,
  { firstRow = 0, rows = target.rows }: RepackOptions = {},
): void {
  const { kind, cols } = target;
  const { sourceBytes, packedBytes: blockBytes } = WEIGHT_KINDS[kind];
  const blocks = cols / BLOCK;
  if (
    firstRow % GROUP !== 0 ||
    firstRow + rows > target.rows ||
    source.byteLength !== rows * blocks * sourceBytes
  ) {
    const shape = `${source.byteLength} bytes for rows ${firstRow} … ${firstRow + rows} of ${kind} [${target.rows}, ${cols}]`;
    throw new KernelError("SHAPE_MISMATCH", shape);
  }
  const start = target.pointer + (firstRow / GROUP) * blocks * blockBytes;
  const bytes = Math.ceil(rows / GROUP) * blocks * blockBytes;
  if (rows % GROUP !== 0) new Uint8Array(memory.buffer, start, bytes).fill(0);
  const job: Job = { from: aligned(source), rows, blocks, to: new Uint8Array(memory.buffer, start, bytes) };
  if (kind === "q4_0") packQ4(job, sourceBytes, blockBytes, false);
  else if (kind === "q4_1") packQ4(job, sourceBytes, blockBytes, true);
  else if (kind === "q8_0") packQ8(job);
  else if (kind === "f16")
    packColumns(new Uint16Array(job.to.buffer, start, bytes / 2), shorts(job.from), rows, cols);
  else packColumns(new Uint32Array(job.to.buffer, start, bytes / 4), words(job.from), rows, cols);
}

/** @throws KernelError ARTIFACT_INVALID for an f16 that is infinite or NaN */
function finite(half: number): number {
  if ((half & 0x7c00) === 0x7c00)
    throw new KernelError("ARTIFACT_INVALID", "a weight or its scale is not finite");
  return half;
}

interface Job {
  readonly from: Uint8Array;
  readonly rows: number;
  readonly blocks: number;
  readonly to: Uint8Array;
}

const shorts = (bytes: Uint8Array) => new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 1);
const words = (bytes: Uint8Array) => new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 2);

function aligned(source: Uint8Array): Uint8Array {
  return source.byteOffset % 4 === 0 ? source : source.slice();
}

function packQ4(
  { from, rows, blocks, to }: Job,
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
      halves[scales + (isQ41 ? 2 * lane : 2 * (lane & 3) + (lane >> 2))] = finite(input[at] ?? 0);
      if (isQ41) halves[scales + 2 * lane + 1] = finite(input[at + 1] ?? 0);
    }
  }
}

/** Two bytes with their high nibbles less the carries of the rounding shift. */
function compensate(pair: number): number {
  const first = (pair & 0xff0f) | ((pair - ((pair & 8) << 1)) & 0xf0);
  return (first & 0x0ff8) === 0x0ff8 ? (first - 0x1000) & 0xffff : first;
}

function packQ8({ from, rows, blocks, to }: Job): void {
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

/** Column by column, 8 rows side by side; f16 values must be finite, rows i and 4 + i are neighbours. */
function packColumns<T extends Uint16Array | Uint32Array>(
  out: T,
  input: T,
  rows: number,
  cols: number,
): void {
  const isHalf = input instanceof Uint16Array;
  if (isHalf) for (const half of input) finite(half);
  for (let row = 0; row < rows; row++) {
    const lane = isHalf ? 2 * (row & 3) + ((row >> 2) & 1) : row & 7;
    let to = (row >> 3) * cols * 8 + lane;
    for (let k = 0; k < cols; k++, to += 8) out[to] = input[row * cols + k] ?? 0;
  }
}

/** The value of an f16. */
export function halfToFloat(half: number): number {
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  const sign = half & 0x8000 ? -1 : 1;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * (POWERS[exponent] ?? 0);
}

const POWERS = Array.from({ length: 31 }, (_, exponent) => 2 ** (exponent - 25));
