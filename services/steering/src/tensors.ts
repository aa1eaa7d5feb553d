/** Tensors of messages to typed arrays and back, checked on the way in. */
import { create } from "@bufbuild/protobuf";
import { TrimtabError } from "#kit/errors.ts";
import { allFinite } from "#kit/finite.ts";
import { DataType, type Tensor, TensorSchema } from "#proto/trimtab/type/v1/tensor_pb.ts";

/** An f32 tensor; the bytes are copied. */
export function f32Tensor(shape: readonly number[], values: Float32Array): Tensor {
  const data = new Uint8Array(values.buffer.slice(values.byteOffset, values.byteOffset + values.byteLength));
  return create(TensorSchema, { dataType: DataType.F32, shape: [...shape], data });
}

/**
 * Values of an f32 tensor of rows.
 * @param width elements of a row
 * @throws TrimtabError FIELD_REQUIRED, DTYPE_MISMATCH, SHAPE_MISMATCH or NON_FINITE, naming the field
 */
export function f32Rows(tensor: Tensor | undefined, width: number, field: string): Float32Array[] {
  if (!tensor) throw new TrimtabError("FIELD_REQUIRED", `${field} is missing`, { field });
  if (tensor.dataType !== DataType.F32) {
    throw new TrimtabError("DTYPE_MISMATCH", `${field} must be f32`, {
      field: `${field}.data_type`,
      limit: "F32",
    });
  }
  const elements = tensor.shape.reduce((a, b) => a * b, 1);
  const shaped = tensor.shape.length >= 1 && tensor.shape.length <= 2 && tensor.shape.at(-1) === width;
  if (!shaped || tensor.data.length !== elements * Float32Array.BYTES_PER_ELEMENT) {
    const shape = tensor.shape.slice(0, 8).join(", ");
    throw new TrimtabError(
      "SHAPE_MISMATCH",
      `${field} has shape [${shape}] and ${tensor.data.length} bytes, rows of ${width} f32 are wanted`,
      {
        field: `${field}.shape`,
        limit: width,
      },
    );
  }
  const values = new Float32Array(tensor.data.slice().buffer);
  if (!allFinite(values)) {
    throw new TrimtabError("NON_FINITE", `${field} has values that are not finite`, {
      field: `${field}.data`,
    });
  }
  return Array.from({ length: elements / width }, (_, row) =>
    values.subarray(row * width, (row + 1) * width),
  );
}
