/**
 * Rows of GGUF blocks to the kernels' weight layouts: 8 rows interleaved, values unchanged. The packers of each family of
 * formats stand in pack-*.ts.
 */
import {
  BLOCK, F16_BLOCK_BYTES, F32_BLOCK_BYTES, GROUP, KIND_BF16, KIND_F16, KIND_F32, KIND_Q2_K, KIND_Q3_K, KIND_Q4_0, KIND_Q4_1,
  KIND_Q4_K, KIND_Q5_0, KIND_Q5_1, KIND_Q5_K, KIND_Q6_K, KIND_Q8_0, MAX_COLS, Q2_K_BYTES, Q3_K_BYTES, Q4_0_BYTES,
  Q4_1_BYTES, Q4_K_BYTES, Q5_0_BYTES, Q5_1_BYTES, Q5_K_BYTES, Q6_K_BYTES, Q8_0_BYTES,
} from "../assembly/layout.ts"; // prettier-ignore
import { KernelError } from "./errors.ts";
import { type PackJob, packColumns, packQ4, packQ5, packQ8, shorts, words } from "./pack-plain.ts";
import { packSuper } from "./pack-super.ts";
import { packTable } from "./pack-table.ts";
import type { ActivationForm, PackedMatrix, WeightKind, WeightSource } from "./types.ts";

interface KindFacts {
  /** Number in the kernels. */
  readonly code: number;
  /** Bytes of 8 rows x 32 columns. */
  readonly packedBytes: number;
  readonly form: ActivationForm;
}

/** Facts of the weight kinds. */
export const WEIGHT_KINDS: Readonly<Record<WeightKind, KindFacts>> = {
  f32: { code: KIND_F32, packedBytes: F32_BLOCK_BYTES, form: "f32" },
  f16: { code: KIND_F16, packedBytes: F16_BLOCK_BYTES, form: "f32" },
  bf16: { code: KIND_BF16, packedBytes: F16_BLOCK_BYTES, form: "f32" },
  q4_0: { code: KIND_Q4_0, packedBytes: Q4_0_BYTES, form: "a8" },
  q4_1: { code: KIND_Q4_1, packedBytes: Q4_1_BYTES, form: "a8" },
  q5_0: { code: KIND_Q5_0, packedBytes: Q5_0_BYTES, form: "a8" },
  q5_1: { code: KIND_Q5_1, packedBytes: Q5_1_BYTES, form: "a8" },
  q8_0: { code: KIND_Q8_0, packedBytes: Q8_0_BYTES, form: "a16" },
  q2_k: { code: KIND_Q2_K, packedBytes: Q2_K_BYTES, form: "a8" },
  q3_k: { code: KIND_Q3_K, packedBytes: Q3_K_BYTES, form: "a8" },
  q4_k: { code: KIND_Q4_K, packedBytes: Q4_K_BYTES, form: "a8" },
  q5_k: { code: KIND_Q5_K, packedBytes: Q5_K_BYTES, form: "a8" },
  q6_k: { code: KIND_Q6_K, packedBytes: Q6_K_BYTES, form: "a8" },
};

interface SourceFacts {
  readonly kind: WeightKind;
  /** Columns and bytes of a block. */
  readonly columns: number;
  readonly bytes: number;
}

/** Block formats of files, and the kind each becomes. */
export const WEIGHT_SOURCES: Readonly<Record<WeightSource, SourceFacts>> = {
  f32: { kind: "f32", columns: 32, bytes: 128 },
  f16: { kind: "f16", columns: 32, bytes: 64 },
  bf16: { kind: "bf16", columns: 32, bytes: 64 },
  q4_0: { kind: "q4_0", columns: 32, bytes: 18 },
  q4_1: { kind: "q4_1", columns: 32, bytes: 20 },
  q5_0: { kind: "q5_0", columns: 32, bytes: 22 },
  q5_1: { kind: "q5_1", columns: 32, bytes: 24 },
  q8_0: { kind: "q8_0", columns: 32, bytes: 34 },
  q2_k: { kind: "q2_k", columns: 256, bytes: 84 },
  q3_k: { kind: "q3_k", columns: 256, bytes: 110 },
  q4_k: { kind: "q4_k", columns: 256, bytes: 144 },
  q5_k: { kind: "q5_k", columns: 256, bytes: 176 },
  q6_k: { kind: "q6_k", columns: 256, bytes: 210 },
  iq4_nl: { kind: "q8_0", columns: 32, bytes: 18 },
  iq4_xs: { kind: "q8_0", columns: 256, bytes: 136 },
};

/** The form of activations a kind multiplies with. */
export function activationForm(kind: WeightKind): ActivationForm {
  return WEIGHT_KINDS[kind].form;
}

/** The kind a block format becomes when packed. */
export function packedKind(source: WeightSource): WeightKind {
  return WEIGHT_SOURCES[source].kind;
}

/**
 * Bytes of a packed [rows, cols] matrix.
 * @throws KernelError SHAPE_MISMATCH unless cols is a multiple of the kind's block (32 or 256) up to 16384
 */
export function packedBytes(kind: WeightKind, rows: number, cols: number): number {
  const { columns } = WEIGHT_SOURCES[kind];
  if (!Number.isSafeInteger(rows) || rows < 1 || cols < columns || cols % columns !== 0 || cols > MAX_COLS) {
    throw new KernelError(
      "SHAPE_MISMATCH",
      `${kind} [${rows}, ${cols}]: columns must be a multiple of ${columns} up to ${MAX_COLS}`,
    );
  }
  return Math.ceil(rows / GROUP) * (cols / BLOCK) * WEIGHT_KINDS[kind].packedBytes;
}

/** Which rows of the target a source fills, and its format. */
export interface RepackOptions {
  /** First row inside the target, a multiple of 8. */
  readonly firstRow?: number;
  /** Rows of the source; all of the target by default. */
  readonly rows?: number;
  /** Block format of the source; the target's kind by default. */
  readonly source?: WeightSource;
}

/**
 * Packs `rows` rows of GGUF blocks (row-major) into rows [firstRow, firstRow + rows) of a matrix. Several sources of
 * one kind (q, k and v; gate and up) may fill one matrix; only the last may have a number of rows that is no multiple
 * of 8, and the rest of its group becomes zeros.
 * @throws KernelError SHAPE_MISMATCH, ARTIFACT_INVALID for weights or scales that are not finite
 */
export function repack(
  memory: WebAssembly.Memory,
  target: PackedMatrix,
  from: Uint8Array,
  { firstRow = 0, rows = target.rows, source = target.kind }: RepackOptions = {},
): void {
  const { kind, cols } = target;
  const facts = WEIGHT_SOURCES[source];
  const blocks = cols / BLOCK;
  const isFitting =
    facts.kind === kind &&
    cols % facts.columns === 0 &&
    firstRow % GROUP === 0 &&
    firstRow + rows <= target.rows &&
    from.byteLength === rows * (cols / facts.columns) * facts.bytes;
  if (!isFitting) {
    const shape = `${from.byteLength} bytes of ${source} for rows ${firstRow} … ${firstRow + rows} of ${kind} [${target.rows}, ${cols}]`;
    throw new KernelError("SHAPE_MISMATCH", shape);
  }
  const blockBytes = WEIGHT_KINDS[kind].packedBytes;
  const start = target.pointer + (firstRow / GROUP) * blocks * blockBytes;
  const bytes = Math.ceil(rows / GROUP) * blocks * blockBytes;
  if (rows % GROUP !== 0) new Uint8Array(memory.buffer, start, bytes).fill(0);
  pack(source, { from: aligned(from), rows, blocks, to: new Uint8Array(memory.buffer, start, bytes) });
}

function pack(source: WeightSource, job: PackJob): void {
  const { from, to, rows, blocks } = job;
  switch (source) {
    case "f32":
      return packColumns(words(to), words(from), rows, blocks * BLOCK, 0x7f800000);
    case "f16":
      return packColumns(shorts(to), shorts(from), rows, blocks * BLOCK, 0x7c00);
    case "bf16":
      return packColumns(shorts(to), shorts(from), rows, blocks * BLOCK, 0x7f80);
    case "q4_0":
    case "q4_1":
      return packQ4(job, WEIGHT_SOURCES[source].bytes, WEIGHT_KINDS[source].packedBytes, source === "q4_1");
    case "q5_0":
    case "q5_1":
      return packQ5(job, source === "q5_1");
    case "q8_0":
      return packQ8(job);
    case "iq4_nl":
    case "iq4_xs":
      return packTable(job, source === "iq4_xs");
    default:
      return packSuper(source, job);
  }
}

function aligned(source: Uint8Array): Uint8Array {
  return source.byteOffset % 4 === 0 ? source : source.slice();
}
