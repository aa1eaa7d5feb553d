/**
 * One tensor of the engine made from tensors of a directory: rows in their order, in another order, or of one expert
 * after the other; vectors always become F32. Shapes are turned round: the directory names the slowest dimension first.
 */
import { FLOAT_BYTES, isFloatType, toF32 } from "#kit/float-bytes.ts";
import { GGML_TYPES, type GgmlType } from "#kit/ggml-types.ts";
import type { StoredTensor } from "#kit/model-directory.ts";
import { contradiction, unsupported } from "../metadata.ts";
import type { ModelTensor } from "../model-file.ts";
import type { ReadRows } from "../row-reader.ts";
import type { Source } from "./conversion.ts";

/** A tensor and how its rows are read. */
export interface ConvertedTensor {
  readonly tensor: ModelTensor;
  readonly rowBytes: number;
  readonly readRows: ReadRows;
}

/** What making a tensor needs. */
export interface TensorParts {
  /** The stored tensor of a name. @throws TrimtabError ARTIFACT_INVALID if there is none. */
  readonly find: (name: string) => StoredTensor;
  readonly experts: number;
  /** Rows of a head whose halves become neighbours; 0 keeps them. */
  readonly interleavedHead: number;
}

const TYPES: ReadonlyMap<string, GgmlType> = new Map(
  [...GGML_TYPES.values()].map((type) => [type.name, type]),
);

/** Makes the tensor `name` from its source. @throws TrimtabError ARTIFACT_INVALID, BACKEND_CAPABILITY. */
export function convertTensor(name: string, source: Source, parts: TensorParts): ConvertedTensor {
  if ("from" in source) return fromOne(name, parts.find(source.from));
  if ("norm" in source) return fromOne(name, parts.find(source.norm), 1);
  if ("heads" in source) {
    const whole = fromOne(name, parts.find(source.heads));
    return whole.tensor.dims.length < 2 ? whole : interleaved(whole, parts.interleavedHead);
  }
  if ("experts" in source) {
    const each = Array.from({ length: parts.experts }, (_, expert) => parts.find(source.experts(expert)));
    return stacked(name, each);
  }
  return half(fromOne(name, parts.find(source.of)), source.half);
}

/** A vector of the configuration. */
export function vectorTensor(name: string, values: Float32Array): ConvertedTensor {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return made({ name, dims: [values.length], type: "F32" }, (first, _, into) =>
    into.set(bytes.subarray(first * bytes.length, first * bytes.length + into.length)),
  );
}

function fromOne(name: string, stored: StoredTensor, added = 0): ConvertedTensor {
  const { dtype, shape } = stored;
  if (!isFloatType(dtype)) throw unsupported(stored.name, `weights of type ${dtype}`);
  const dims = shape.toReversed();
  const [columns = 0] = dims;
  const storedBytes = columns * FLOAT_BYTES[dtype];
  const origin = stored.name;
  if (dims.length > 1) {
    return made({ name, origin, dims, type: dtype }, (first, _, into) =>
      stored.read(into, first * storedBytes),
    );
  }
  return made({ name, origin, dims, type: "F32" }, (_, __, into) => {
    const bytes = new Uint8Array(stored.sizeBytes);
    stored.read(bytes, 0);
    const values = toF32(dtype, bytes).map((value) => value + added);
    into.set(new Uint8Array(values.buffer));
  });
}

/** Row 2i of a head is row i of its first half, row 2i + 1 row i of its second. */
function interleaved(whole: ConvertedTensor, head: number): ConvertedTensor {
  if (head === 0) return whole;
  const { tensor, rowBytes, readRows } = whole;
  const rows = new Uint8Array(head * rowBytes);
  let held = -1;
  return {
    ...whole,
    readRows(first, count, into) {
      if ((tensor.dims[1] ?? 0) % head !== 0) {
        throw contradiction(tensor.origin ?? tensor.name, `${tensor.dims[1]} rows are no heads of ${head}`);
      }
      for (let row = first; row < first + count; row++) {
        const [at, inside] = [Math.floor(row / head), row % head];
        if (at !== held) readRows(at * head, head, rows);
        held = at;
        const from = ((inside >> 1) + (inside % 2) * (head / 2)) * rowBytes;
        into.set(rows.subarray(from, from + rowBytes), (row - first) * rowBytes);
      }
      held = -1;
    },
  };
}

function stacked(name: string, each: readonly StoredTensor[]): ConvertedTensor {
  const matrices = each.map((stored) => fromOne(name, stored));
  const [one] = matrices;
  const first = one?.tensor;
  if (!one || !first) throw contradiction(name, "a mixture without experts");
  const odd = matrices.find(
    ({ tensor }) => tensor.type !== first.type || !Bun.deepEquals(tensor.dims, first.dims),
  );
  if (odd) throw contradiction(odd.tensor.origin ?? name, "differs from the first expert in shape or type");
  const dims = [...first.dims, each.length];
  const shape = { name, origin: first.origin, dims, type: first.type.name };
  return made(
    shape,
    perExpert(one.rowBytes, dims[1] ?? 0, (expert) => matrices[expert] as ConvertedTensor),
  );
}

function half(whole: ConvertedTensor, index: 0 | 1): ConvertedTensor {
  const { tensor, rowBytes, readRows } = whole;
  const [columns = 0, rows = 0, experts = 0] = tensor.dims;
  if (tensor.dims.length !== 3 || rows % 2 !== 0) {
    throw contradiction(tensor.origin ?? tensor.name, "must hold two halves of rows an expert");
  }
  const shape = { ...tensor, dims: [columns, rows / 2, experts], type: tensor.type.name };
  const shifted = (expert: number): Pick<ConvertedTensor, "readRows"> => ({
    readRows: (first, count, into) => readRows(expert * rows + index * (rows / 2) + first, count, into),
  });
  return made(shape, perExpert(rowBytes, rows / 2, shifted));
}

/** Rows that run over expert after expert. */
function perExpert(
  rowBytes: number,
  rowsEach: number,
  expertAt: (expert: number) => Pick<ConvertedTensor, "readRows">,
): ReadRows {
  return (first, count, into) => {
    for (let row = first; row < first + count;) {
      const [expert, inside] = [Math.floor(row / rowsEach), row % rowsEach];
      const some = Math.min(rowsEach - inside, first + count - row);
      const from = (row - first) * rowBytes;
      expertAt(expert).readRows(inside, some, into.subarray(from, from + some * rowBytes));
      row += some;
    }
  };
}

function made(
  {
    name,
    origin,
    dims,
    type,
  }: { name: string; origin?: string | undefined; dims: readonly number[]; type: string },
  readRows: ReadRows,
): ConvertedTensor {
  const found = TYPES.get(type) as GgmlType;
  const sizeBytes = dims.reduce((a, b) => a * b, 1) * found.blockBytes;
  const tensor = { name, ...(origin === undefined ? {} : { origin }), dims, type: found, sizeBytes };
  return { tensor, rowBytes: (dims[0] ?? 0) * found.blockBytes, readRows };
}
