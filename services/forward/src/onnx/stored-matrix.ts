/**
 * Matrices of a model file in the data file of an ONNX model: as f32, or as codes of 4 or 8 bits with a scale for every
 * 16 or 32 columns where the operator MatMulNBits can say the same. Rows are read, taken apart and written in pieces.
 * Cost: about 10 ns a weight; memory of one piece.
 */
import type { FileWriter } from "#kit/file-writer.ts";
import type { ExternalTensor, GraphBuilder } from "#kit/onnx-graph.ts";
import { codeFormat, readCodes, readValues, type CodedRows, type WeightSource } from "#kernels";
import type { ModelFile, ModelTensor } from "../model/model-file.ts";
import { sourceOf } from "../model/weights.ts";

/** A matrix [rows, cols]; value = scale · (code − zero), zero = 2^(bits−1) where there are none. */
export type StoredMatrix = { readonly rows: number; readonly cols: number } & (
  | { readonly kind: "f32"; readonly values: ExternalTensor }
  | {
      readonly kind: "coded";
      readonly bits: 4 | 8;
      /** Columns that share a scale. */
      readonly columns: number;
      /** u8 [rows, cols / columns, columns · bits / 8]; of two codes of 4 bits the first is the low one. */
      readonly codes: ExternalTensor;
      /** f32 [rows, cols / columns] */
      readonly scales: ExternalTensor;
      /** Like `scales`. */
      readonly zeros: ExternalTensor | null;
    }
);

/** Writer of a data file. */
export interface WeightStore {
  /** Stores a matrix; `rowOrder` gives, within every group of that many rows, the row of the file that comes there. */
  matrix(tensor: ModelTensor, rowOrder?: readonly number[]): StoredMatrix;
  /** Stores a vector [n] as f32, ordered like rows; answers its name. */
  vector(tensor: ModelTensor, order?: readonly number[]): string;
}

const ALIGNMENT = 64;
/** Weights of one piece. */
const PIECE = 2 ** 22;

/** Where weights come from and go to. */
export interface WeightStoreOptions {
  readonly file: ModelFile;
  readonly data: FileWriter;
  /** Is told of everything stored. */
  readonly graph: GraphBuilder;
  /** Quantized matrices stay quantized where that is exact. */
  readonly keepCodes: boolean;
}

/** Makes a store over an open model file. */
export function createWeightStore({ file, data, graph, keepCodes }: WeightStoreOptions): WeightStore {
  let end = 0;
  const reserve = (name: string, type: "f32" | "u8", dims: readonly number[]): ExternalTensor => {
    const sizeBytes = dims.reduce((product, dim) => product * dim, type === "f32" ? 4 : 1);
    const offset = Math.ceil(end / ALIGNMENT) * ALIGNMENT;
    end = offset + sizeBytes;
    const tensor = { name, type, dims, offset, sizeBytes };
    graph.external(tensor);
    return tensor;
  };
  const plan = (tensor: ModelTensor, rows: number, cols: number): StoredMatrix => {
    const bits = keepCodes ? storedBits(sourceOf(tensor)) : null;
    const { columns = 32, hasMinima = false } = codeFormat(sourceOf(tensor)) ?? {};
    const { name } = tensor;
    if (bits === null) {
      return { kind: "f32", rows, cols, values: reserve(name, "f32", [rows, cols]) };
    }
    const blocks = [rows, cols / columns];
    return {
      ...{ kind: "coded", rows, cols, bits, columns },
      codes: reserve(`${name}.codes`, "u8", [...blocks, (columns * bits) / 8]),
      scales: reserve(`${name}.scales`, "f32", blocks),
      zeros: hasMinima ? reserve(`${name}.zeros`, "f32", blocks) : null,
    };
  };
  return {
    matrix(tensor, rowOrder) {
      const [cols = 0, rows = 1] = tensor.dims;
      const stored = plan(tensor, rows, cols);
      const source = sourceOf(tensor);
      const group = rowOrder?.length ?? 1;
      const step = Math.max(1, Math.floor(PIECE / cols / group)) * group;
      const rowBytes = tensor.sizeBytes / rows;
      for (let row = 0; row < rows; row += step) {
        const bytes = new Uint8Array(Math.min(step, rows - row) * rowBytes);
        file.read(tensor, bytes, row * rowBytes);
        writePiece(data, stored, row, source, rowOrder ? reorder(bytes, rowOrder, rowBytes) : bytes);
      }
      return stored;
    },
    vector(tensor, order) {
      const bytes = new Uint8Array(tensor.sizeBytes);
      file.read(tensor, bytes);
      const values = readValues(sourceOf(tensor), bytes);
      const stored = reserve(tensor.name, "f32", [values.length]);
      const ordered = order ? reorder(bytesOf(values), order, 4) : bytesOf(values);
      data.writeAt(stored.offset, ordered);
      return stored.name;
    },
  };
}

/** Bits of the codes MatMulNBits can take instead of the file's: with minima only 4; null for none. */
function storedBits(source: WeightSource): 4 | 8 | null {
  const format = codeFormat(source);
  if (!format) return null;
  if (format.bits === 4) return 4;
  return format.hasMinima ? null : 8;
}

function writePiece(
  data: FileWriter,
  stored: StoredMatrix,
  row: number,
  source: WeightSource,
  bytes: Uint8Array,
): void {
  const { cols } = stored;
  if (stored.kind === "f32") {
    return data.writeAt(stored.values.offset + row * cols * 4, bytesOf(readValues(source, bytes)));
  }
  const coded = readCodes(source, bytes) as CodedRows;
  const { bits, columns, zeros } = stored;
  const at = row * (cols / columns) * 4;
  if (zeros) data.writeAt(zeros.offset + at, bytesOf(zeroPoints(coded)));
  data.writeAt(stored.scales.offset + at, bytesOf(coded.scales));
  data.writeAt(stored.codes.offset + (row * cols * bits) / 8, packCodes(coded, bits));
}

/** The codes that stand for 0. A block whose scale is 0 is its minimum: it becomes 1 · (0 − zero). */
function zeroPoints({ codes, columns, scales, minima }: CodedRows): Float32Array<ArrayBuffer> {
  return scales.map((scale, block) => {
    const minimum = minima?.[block] ?? 0;
    if (scale !== 0) return -minimum / scale;
    scales[block] = 1;
    codes.fill(0, block * columns, (block + 1) * columns);
    return -minimum;
  });
}

/** Codes as MatMulNBits has them: around 2^(bits−1) unless there are zero points. */
function packCodes({ codes, centre, minima }: CodedRows, bits: 4 | 8): Uint8Array {
  const shift = minima ? 0 : 2 ** (bits - 1) - centre;
  if (bits === 8) return codes.map((code) => code + shift);
  return Uint8Array.from({ length: codes.length / 2 }, (_, i) => {
    return (codes[2 * i]! + shift) | ((codes[2 * i + 1]! + shift) << 4);
  });
}

/** Units of `unitBytes`, in every group of order.length of them unit i the old unit order[i]. */
function reorder(bytes: Uint8Array, order: readonly number[], unitBytes: number): Uint8Array {
  const out = new Uint8Array(bytes.length);
  for (let unit = 0; unit * unitBytes < bytes.length; unit++) {
    const from = (unit - (unit % order.length) + (order[unit % order.length] ?? 0)) * unitBytes;
    out.set(bytes.subarray(from, from + unitBytes), unit * unitBytes);
  }
  return out;
}

function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
