/**
 * Tensors of messages ↔ `Float32Array`. Bytes are little-endian and row-major; the bytes of a received message may be
 * unaligned, so decoding copies once.
 */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { DataType, type Tensor, type TensorSchema } from "#proto/trimtab/type/v1/tensor_pb.ts";
import { TrimtabError } from "./errors.ts";
import { allFinite } from "./finite.ts";
import { FLOAT_BYTES, type FloatType, toF32 } from "./float-bytes.ts";
import { TENSOR_LIMITS } from "./limits.ts";

/** Shape that a tensor must have; a negative entry accepts any size. */
export type ExpectedShape = readonly number[];

const FLOATS: Readonly<Partial<Record<DataType, FloatType>>> = {
  [DataType.F32]: "F32",
  [DataType.F16]: "F16",
  [DataType.BF16]: "BF16",
};

/**
 * Decodes an F32, F16 or BF16 tensor of finite values.
 * @throws TrimtabError FIELD_REQUIRED, DTYPE_MISMATCH, SHAPE_MISMATCH, TOO_LARGE, NON_FINITE; fields below `field`.
 */
export function decodeTensor(
  field: string,
  tensor: Tensor | undefined,
  expected?: ExpectedShape,
): Float32Array {
  if (!tensor) throw new TrimtabError("FIELD_REQUIRED", `${field} is required`, { field });
  const count = checkShape(field, tensor.shape, expected);
  const type = FLOATS[tensor.dataType];
  if (type === undefined) {
    const name = DataType[tensor.dataType] ?? String(tensor.dataType);
    throw new TrimtabError("DTYPE_MISMATCH", `${field}.data_type is ${name}, must be F32, F16 or BF16`, {
      field: `${field}.data_type`,
    });
  }
  const sizeBytes = count * FLOAT_BYTES[type];
  if (tensor.data.length !== sizeBytes) {
    const message = `${field}.data has ${tensor.data.length} bytes, the shape needs ${sizeBytes}`;
    throw new TrimtabError("SHAPE_MISMATCH", message, { field: `${field}.data`, limit: sizeBytes });
  }
  const values = toF32(type, Uint8Array.from(tensor.data));
  if (!allFinite(values)) {
    const at = values.findIndex((value) => !Number.isFinite(value));
    throw new TrimtabError("NON_FINITE", `${field}.data[${at}] is ${values[at]}`, { field: `${field}.data` });
  }
  return values;
}

/** An F32 tensor over `values`, which must not change afterwards. @throws TrimtabError SHAPE_MISMATCH. */
export function encodeTensor(
  values: Float32Array,
  shape: readonly number[],
): MessageInitShape<typeof TensorSchema> {
  if (shape.reduce((product, dim) => product * dim, 1) !== values.length) {
    throw new TrimtabError("SHAPE_MISMATCH", `${values.length} values for shape [${shape.join(", ")}]`);
  }
  // Messages want plain memory: values that live in WASM are copied.
  const owned = values.buffer instanceof ArrayBuffer ? values : Float32Array.from(values);
  const data = new Uint8Array(owned.buffer as ArrayBuffer, owned.byteOffset, owned.byteLength);
  return { dataType: DataType.F32, shape: [...shape], data };
}

function checkShape(field: string, shape: readonly number[], expected: ExpectedShape | undefined): number {
  const at = { field: `${field}.shape` };
  const text = `[${shape.slice(0, 8).join(", ")}]`;
  if (shape.length < 1 || shape.length > TENSOR_LIMITS.dims || shape.some((dim) => dim < 1)) {
    throw new TrimtabError(
      "SHAPE_MISMATCH",
      `${field}.shape is ${text}, must be 1 to 4 sizes of at least 1`,
      at,
    );
  }
  if (
    expected &&
    (expected.length !== shape.length || expected.some((dim, i) => dim >= 0 && dim !== shape[i]))
  ) {
    const wanted = `[${expected.map((dim) => (dim < 0 ? "any" : dim)).join(", ")}]`;
    throw new TrimtabError("SHAPE_MISMATCH", `${field}.shape is ${text}, must be ${wanted}`, {
      ...at,
      limit: wanted,
    });
  }
  const count = shape.reduce((product, dim) => product * dim, 1);
  if (count <= TENSOR_LIMITS.elements) return count;
  throw new TrimtabError(
    "TOO_LARGE",
    `${field} has ${count} elements, the limit is ${TENSOR_LIMITS.elements}`,
    {
      ...at,
      limit: TENSOR_LIMITS.elements,
    },
  );
}
