/** Tensors of the public API as numbers. */
import { DataType, type Tensor } from "#proto/trimtab/type/v1/tensor_pb.ts";

/** Values of an f32 tensor. @throws Error for any other type, or none. */
export function tensorValues(tensor: Tensor | undefined): Float32Array {
  if (tensor?.dataType !== DataType.F32) throw new Error("an f32 tensor was expected");
  return bytesToF32(tensor.data);
}

/** Little-endian f32 values; a copy, as the bytes need not lie on a boundary of four. */
export const bytesToF32 = (bytes: Uint8Array): Float32Array => new Float32Array(new Uint8Array(bytes).buffer);
