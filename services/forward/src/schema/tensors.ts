/** Tensors of the schema ↔ typed arrays, and activations cut into frames. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { TrimtabError } from "#kit/errors.ts";
import type { ActivationSchema } from "#proto/trimtab/type/v1/program_pb.ts";
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

/** An activation as the schema has it. */
export type ActivationInit = MessageInitShape<typeof ActivationSchema>;

/** Bytes of one position's logits besides its entries, of a likely token, and of a log-probability. */
const LOGITS_BYTES = 24;
const TOP_BYTES = 16;
const LOGPROB_BYTES = 4;
/** Bytes of an activation besides its data. */
const ACTIVATION_BYTES = 64;

/** An activation as messages of at most a frame each, cut between rows; values are views, not copies. */
export function activationFrames(activation: Activation): ActivationInit[] {
  const { tap, site, layer, firstPosition, rows, values, logits } = activation;
  const about = { tapIndex: tap, site: SITES.indexOf(site) + 1, layer };
  const first = logits[0];
  if (first) {
    const rowBytes = LOGITS_BYTES + first.top.length * TOP_BYTES + first.logprobs.length * LOGPROB_BYTES;
    return cut(rows, rowBytes).map(([from, to]) => {
      const part = logits.slice(from, to).map(({ position, top, logprobs }) => {
        return { position, top: top.map((one) => ({ ...one })), logprobs: [...logprobs] };
      });
      return { ...about, firstPosition: part[0]?.position ?? 0, logits: part };
    });
  }
  const dim = values.length / rows;
  return cut(rows, dim * 4).map(([from, to]) => {
    const data = new Uint8Array(values.buffer, values.byteOffset + from * dim * 4, (to - from) * dim * 4);
    const tensor = { dataType: DataType.F32, shape: [to - from, dim], data };
    return { ...about, firstPosition: firstPosition + from, values: tensor };
  });
}

/** Activations gathered into messages of at most a frame each. */
export function gatherFrames(frames: readonly ActivationInit[]): ActivationInit[][] {
  const messages: ActivationInit[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const frame of frames) {
    const size = frameBytes(frame);
    if (bytes + size > MAX_FRAME_BYTES) {
      messages.push([]);
      bytes = 0;
    }
    messages.at(-1)?.push(frame);
    bytes += size;
  }
  return messages;
}

/** Rough bytes of an activation in a message. */
export function frameBytes({ values, logits = [] }: ActivationInit): number {
  const first = logits[0];
  const rowBytes =
    LOGITS_BYTES + (first?.top?.length ?? 0) * TOP_BYTES + (first?.logprobs?.length ?? 0) * LOGPROB_BYTES;
  return ACTIVATION_BYTES + (values?.data?.length ?? 0) + logits.length * rowBytes;
}

/** Rows cut into ranges [from, to) that fit a frame; a row that does not is alone. */
function cut(rows: number, rowBytes: number): [from: number, to: number][] {
  const each = Math.max(1, Math.floor(MAX_FRAME_BYTES / rowBytes));
  return Array.from({ length: Math.ceil(rows / each) }, (_, index) => [
    index * each,
    Math.min(rows, (index + 1) * each),
  ]);
}
