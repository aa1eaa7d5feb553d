/**
 * Rows of a tapped activation, read from its bytes, and their projection. Cost: linear in the rows.
 */
import { DataType, type Tensor } from "#proto/trimtab/type/v1/tensor_pb.ts";
import { REQUEST_LIMITS } from "../../limits.ts";
import type { Failed } from "../verifier.ts";

/** Rows of `width` floats. */
export interface Rows {
  readonly data: DataView;
  readonly count: number;
  readonly width: number;
}

const F32_BYTES = 4;

/** Reads an f32 tensor [rows, width] or [width]; a tensor that is not one becomes a failed verdict. */
export function readRows(tensor: Tensor | undefined, width: number): Rows | Failed {
  if (tensor === undefined) return { failure: "FIELD_REQUIRED", reason: "the activation has no values" };
  if (tensor.dataType !== DataType.F32)
    return { failure: "DTYPE_MISMATCH", reason: "activations must be f32" };
  const [outer, inner] = tensor.shape.length === 1 ? [1, tensor.shape[0]] : tensor.shape;
  if (tensor.shape.length > 2 || outer === undefined || outer < 1 || inner !== width) {
    const shape = tensor.shape.slice(0, 4).join(", ");
    return { failure: "SHAPE_MISMATCH", reason: `the activation has shape [${shape}], not [rows, ${width}]` };
  }
  const { data } = tensor;
  if (data.length > REQUEST_LIMITS.activationBytes) {
    return { failure: "TOO_LARGE", reason: `the activation exceeds ${REQUEST_LIMITS.activationBytes} bytes` };
  }
  if (data.length !== outer * width * F32_BYTES) {
    const reason = `the activation has ${data.length} bytes, its shape needs ${outer * width * F32_BYTES}`;
    return { failure: "SHAPE_MISMATCH", reason };
  }
  return { data: new DataView(data.buffer, data.byteOffset, data.length), count: outer, width };
}

/** weights · row, for every row. */
export function rowValues(rows: Rows, weights: Float64Array): number[] {
  return Array.from({ length: rows.count }, (_, row) => project(rows, row, weights));
}

/** weights · row, for the last row, or its mean or maximum over all rows. */
export function poolRows(rows: Rows, weights: Float64Array, pooling: "last" | "mean" | "max"): number {
  if (pooling === "last") return project(rows, rows.count - 1, weights);
  let sum = 0;
  let max = Number.NEGATIVE_INFINITY;
  for (let row = 0; row < rows.count; row++) {
    const value = project(rows, row, weights);
    if (Number.isNaN(value)) return value;
    sum += value;
    max = Math.max(max, value);
  }
  return pooling === "mean" ? sum / rows.count : max;
}

function project({ data, width }: Rows, row: number, weights: Float64Array): number {
  let sum = 0;
  for (let i = 0, at = row * width * F32_BYTES; i < width; i++, at += F32_BYTES) {
    sum += (weights[i] ?? 0) * data.getFloat32(at, true);
  }
  return sum;
}
