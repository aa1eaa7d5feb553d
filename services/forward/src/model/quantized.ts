/**
 * A model whose float matrices are quantized while they are read. The router of a mixture keeps its type (its logits
 * choose experts), and so do vectors and matrices whose rows are no whole blocks. Cost: one row at a time, see
 * `gguf-quantize.ts`.
 */
import { type FloatType, isFloatType, toF32 } from "#kit/float-bytes.ts";
import { GGML_TYPES, type GgmlType } from "#kit/ggml-types.ts";
import { quantizeBlocks, type QuantizedType } from "#kit/gguf-quantize.ts";
import type { ModelFile, ModelTensor } from "./model-file.ts";
import { readByRows } from "./row-reader.ts";

const ROUTER = /\.ffn_gate_inp\.weight$/;
/** Floats quantized at once. */
const CHUNK_ELEMENTS = 256 * 1024;

/** The same model with its matrices in another type. */
export function quantizeModel(file: ModelFile, kind: QuantizedType): ModelFile {
  const type = typeNamed(kind.toUpperCase());
  const tensors = new Map(
    [...file.header.tensors].map(([name, tensor]) => [
      name,
      isQuantized(tensor, type) ? retype(tensor, type) : tensor,
    ]),
  );
  const rowBytes = (columns: number, { blockElements, blockBytes }: GgmlType) =>
    (columns / blockElements) * blockBytes;
  return {
    ...file,
    header: { ...file.header, tensors },
    read(tensor, into, from = 0) {
      const stored = file.header.tensors.get(tensor.name);
      if (!stored || stored.type.name === tensor.type.name) return file.read(stored ?? tensor, into, from);
      const [columns = 0] = tensor.dims;
      const [storedBytes, targetBytes] = [rowBytes(columns, stored.type), rowBytes(columns, type)];
      const atOnce = Math.max(1, Math.floor(CHUNK_ELEMENTS / columns));
      const readRows = (first: number, count: number, rows: Uint8Array): void => {
        for (let row = 0; row < count; row += atOnce) {
          const some = Math.min(atOnce, count - row);
          const bytes = new Uint8Array(some * storedBytes);
          file.read(stored, bytes, (first + row) * storedBytes);
          const values = toF32(stored.type.name as FloatType, bytes);
          const target = rows.subarray(row * targetBytes, (row + some) * targetBytes);
          quantizeBlocks(kind, values, target, tensor.origin ?? tensor.name);
        }
      };
      readByRows(targetBytes, readRows, into, from);
    },
  };
}

function isQuantized({ name, dims, type }: ModelTensor, target: GgmlType): boolean {
  const isMatrix = dims.length > 1 && isFloatType(type.name) && !ROUTER.test(name);
  return isMatrix && (dims[0] ?? 0) % target.blockElements === 0;
}

function retype(tensor: ModelTensor, type: GgmlType): ModelTensor {
  const elements = tensor.dims.reduce((a, b) => a * b, 1);
  return { ...tensor, type, sizeBytes: (elements / type.blockElements) * type.blockBytes };
}

function typeNamed(name: string): GgmlType {
  const found = [...GGML_TYPES.values()].find((type) => type.name === name);
  if (!found) throw new Error(`no tensor type ${name}: this is a bug of the quantizer's table`);
  return found;
}
