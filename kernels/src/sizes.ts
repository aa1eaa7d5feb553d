/** Sizes and records of what the engine keeps in the arena: activations, queries, KV pages, partials, attention units. */
import {
  A16_BYTES, A16_PAIR_BYTES, A8_BYTES, A8_PAIR_BYTES, BLOCK, F32_BYTES, LAYOUT_A16, LAYOUT_A16_PAIR, LAYOUT_A8,
  LAYOUT_A8_PAIR, LAYOUT_F32, MAX_COLS, MAX_ROWS, PARTIAL_HEAD_BYTES, QUERY_BYTES, UNIT_BYTES,
} from "../assembly/layout.ts"; // prettier-ignore
import { KernelError } from "./errors.ts";
import type { ActivationForm, AttentionUnit, KvShape, Pointer } from "./types.ts";
import { PAGE_TOKENS } from "./types.ts";

/** Most rows of one operator call. */
export const MAX_OPERATOR_ROWS = MAX_ROWS;
/** Largest head. */
export const MAX_HEAD_DIM = 256;
/** Bytes of one record of `writeUnits`. */
export const unitBytes = UNIT_BYTES;

/** @throws KernelError SHAPE_MISMATCH unless 1 ≤ rows ≤ 4096 and cols is a multiple of 32 up to 16384 */
export function checkShape(rows: number, cols: number): void {
  if (!(Number.isInteger(rows) && rows >= 1 && rows <= MAX_ROWS)) {
    throw new KernelError("SHAPE_MISMATCH", `${rows} rows; 1 to ${MAX_ROWS} are possible`);
  }
  if (!(cols >= BLOCK && cols <= MAX_COLS && cols % BLOCK === 0)) {
    throw new KernelError(
      "SHAPE_MISMATCH",
      `${cols} columns; multiples of 32 up to ${MAX_COLS} are possible`,
    );
  }
}

/** @throws KernelError SHAPE_MISMATCH unless headDim is a multiple of 32 up to 256 and heads a multiple of kvHeads */
export function checkKvShape({ layers, kvHeads, headDim }: KvShape, heads = kvHeads): void {
  const isValid = headDim >= BLOCK && headDim <= MAX_HEAD_DIM && headDim % BLOCK === 0 && layers >= 1;
  if (isValid && Number.isInteger(kvHeads) && kvHeads >= 1 && heads >= 1 && heads % kvHeads === 0) return;
  const shape = `${layers} layers, ${heads} heads on ${kvHeads} of ${headDim} dims`;
  throw new KernelError("SHAPE_MISMATCH", `${shape}: headDim must be a multiple of 32 up to ${MAX_HEAD_DIM}`);
}

/** @throws KernelError SHAPE_MISMATCH unless 0 ≤ rotary ≤ headDim, a multiple of 8 */
export function checkRotary(rotary: number, headDim: number): void {
  if (rotary >= 0 && rotary <= headDim && rotary % 8 === 0) return;
  throw new KernelError("SHAPE_MISMATCH", `${rotary} of ${headDim} dims rotate; multiples of 8 are possible`);
}

/** Bytes of quantized activations: what `quantize` writes for up to `rows` rows. */
export function activationBytes(form: ActivationForm, rows: number, cols: number): number {
  const blocks = Math.ceil(cols / BLOCK);
  if (form === "f32") return rows * blocks * F32_BYTES;
  const [single, pair] = form === "a8" ? [A8_BYTES, A8_PAIR_BYTES] : [A16_BYTES, A16_PAIR_BYTES];
  return blocks * (rows === 1 ? single : Math.ceil(rows / 2) * pair);
}

/** The kernels' code for the layout of activations: pairs of rows are interleaved as soon as there are two. */
export function activationLayout(form: ActivationForm, rows: number): number {
  if (form === "f32") return LAYOUT_F32;
  if (form === "a8") return rows === 1 ? LAYOUT_A8 : LAYOUT_A8_PAIR;
  return rows === 1 ? LAYOUT_A16 : LAYOUT_A16_PAIR;
}

/** Bytes of one KV page: 32 tokens of all layers, 9 bits a number for int8 and 17 for int16. */
export function kvPageBytes(shape: KvShape): number {
  checkKvShape(shape);
  const recordBytes = 2 * PAGE_TOKENS * (BLOCK * (shape.kind === "int8" ? 1 : 2) + 4);
  return shape.layers * shape.kvHeads * (shape.headDim / BLOCK) * recordBytes;
}

/** Bytes of the quantized queries `ropeStore` leaves for `attention`. */
export function queryBytes(rows: number, heads: number, shape: Pick<KvShape, "headDim">): number {
  return rows * heads * (shape.headDim / BLOCK) * QUERY_BYTES;
}

/** Bytes of the partial attention results of `rows` rows over up to `maxSegments` segments. */
export function partialBytes(rows: number, maxSegments: number, heads: number, headDim: number): number {
  return rows * maxSegments * heads * (PARTIAL_HEAD_BYTES + headDim * 4);
}

/** Writes attention unit records, `unitBytes` each. */
export function writeUnits(
  memory: WebAssembly.Memory,
  pointer: Pointer,
  units: readonly AttentionUnit[],
): void {
  const out = new Uint32Array(memory.buffer, pointer, units.length * (UNIT_BYTES / 4));
  let at = 0;
  for (const { segment, pageTable, rows, rowCount } of units) {
    out[at] = segment;
    out[at + 1] = pageTable;
    out[at + 2] = rows;
    out[at + 3] = rowCount;
    at += UNIT_BYTES / 4;
  }
}

/** Copies one KV page. */
export function copyPage(memory: WebAssembly.Memory, from: Pointer, to: Pointer, pageBytes: number): void {
  new Uint8Array(memory.buffer).copyWithin(to, from, from + pageBytes);
}
