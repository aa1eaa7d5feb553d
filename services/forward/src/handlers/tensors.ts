/** Tensors of the schema ↔ typed arrays, and activations cut into frames. */
import { TrimtabError } from "#kit/errors.ts";
import { DataType, type Tensor } from "#proto/trimtab/type/v1/tensor_pb.ts";
import { MAX_FRAME_BYTES } from "../../limits.ts";
import type { Activation } from "../engine/taps.ts";
import { SITES } from "../programs/program.ts";

/**
 * The values of an f32 tensor; an absent tensor is empty.
 * @throws TrimtabError DTYPE_MISMATCH, SHAPE_MISMATCH naming the field
 */
export function readF32(tensor: Tensor | undefined, field: string): Float32Array {
  if (!tensor) return new Float32Array();
  if (tensor.dataType !== DataType.F32) {
    throw new TrimtabError("DTYPE_MISMATCH", `${field} must be f32`, { field: `${field}.data_type` });
  }
  const count = tensor.shape.reduce((product, dim) => product * dim, 1);
  if (tensor.shape.length === 0 || count * 4 !== tensor.data.length) {
    const message = `${field}: shape [${tensor.shape.join(", ")}] does not match ${tensor.data.length} bytes`;
    throw new TrimtabError("SHAPE_MISMATCH", message, { field: `${field}.shape` });
  }
  return new Float32Array(tensor.data.slice().buffer);
}

/** An activation as messages of at most a frame each, cut between rows. */
export function activationFrames({ tap, site, layer, firstPosition, rows, values }: Activation) {
  const dim = values.length / rows;
  const rowsPerFrame = Math.max(1, Math.floor(MAX_FRAME_BYTES / (dim * 4)));
  return Array.from({ length: Math.ceil(rows / rowsPerFrame) }, (_, frame) => {
    const first = frame * rowsPerFrame;
    const part = values.subarray(first * dim, Math.min(rows, first + rowsPerFrame) * dim);
    const data = new Uint8Array(part.slice().buffer);
    return {
      tapIndex: tap,
      site: SITES.indexOf(site) + 1,
      layer,
      firstPosition: firstPosition + first,
      values: { dataType: DataType.F32, shape: [part.length / dim, dim], data },
    };
  });
}
