/**
 * Reader and writer of safetensors files held in memory: vectors and controllers. Whole models are read tensor by
 * tensor, see `model-directory.ts`.
 */
import { TrimtabError } from "./errors.ts";
import { isFloatType, toF32 } from "./float-bytes.ts";
import { SAFETENSORS_LIMITS } from "./limits.ts";
import { printable } from "./printable.ts";
import { parseSafetensorsHeader, type SafetensorsDtype } from "./safetensors-header.ts";

/** One tensor: `bytes` is a view of the file, little-endian, row-major. */
export interface SafetensorsTensor {
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** A parsed file. */
export interface Safetensors {
  readonly tensors: ReadonlyMap<string, SafetensorsTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

const LENGTH_BYTES = 8;
const METADATA_KEY = "__metadata__";

/**
 * Parses a safetensors file held in memory.
 * @throws TrimtabError ARTIFACT_INVALID naming the tensor and the rule, TOO_LARGE.
 */
export function parseSafetensors(file: Uint8Array): Safetensors {
  if (file.length > SAFETENSORS_LIMITS.fileBytes) {
    const message = `safetensors: ${file.length} bytes, the limit is ${SAFETENSORS_LIMITS.fileBytes}`;
    throw new TrimtabError("TOO_LARGE", message, { limit: SAFETENSORS_LIMITS.fileBytes });
  }
  const { entries, metadata } = parseSafetensorsHeader(file, SAFETENSORS_LIMITS);
  const tensors = new Map<string, SafetensorsTensor>();
  for (const { name, dtype, shape, start, end } of entries) {
    tensors.set(name, { dtype, shape, bytes: file.subarray(start, end) });
  }
  return { tensors, metadata };
}

/** Encodes f32 tensors, sorted by name, with text metadata. @throws TrimtabError SHAPE_MISMATCH. */
export function writeSafetensors(
  tensors: Readonly<Record<string, { readonly shape: readonly number[]; readonly data: Float32Array }>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const header: Record<string, unknown> = {};
  if (Object.keys(metadata).length > 0) header[METADATA_KEY] = metadata;
  const names = Object.keys(tensors).sort();
  let offset = 0;
  const parts: Uint8Array[] = [];
  for (const name of names) {
    const { shape, data } = tensors[name] as { shape: readonly number[]; data: Float32Array };
    if (shape.reduce((a, b) => a * b, 1) !== data.length || data.length === 0) {
      const message = `tensor ${name}: ${data.length} elements for shape [${shape.join(", ")}]`;
      throw new TrimtabError("SHAPE_MISMATCH", message, { field: name });
    }
    header[name] = { dtype: "F32", shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
    parts.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  let json = JSON.stringify(header);
  json += " ".repeat((LENGTH_BYTES - (Buffer.byteLength(json) % LENGTH_BYTES)) % LENGTH_BYTES);
  const head = Buffer.from(json);
  const length = new Uint8Array(BigUint64Array.of(BigInt(head.length)).buffer);
  return new Uint8Array(Buffer.concat([length, head, ...parts]));
}

/** The elements of an F32, F16, BF16 or F64 tensor as f32. @throws TrimtabError ARTIFACT_INVALID for other types. */
export function safetensorsToF32(name: string, tensor: SafetensorsTensor): Float32Array {
  const values = floatsOf(tensor.dtype, Uint8Array.from(tensor.bytes));
  if (values) return values;
  const field = printable(name);
  const message = `safetensors: ${field} has dtype ${tensor.dtype}, which is no float`;
  throw new TrimtabError("ARTIFACT_INVALID", message, { field });
}

function floatsOf(dtype: SafetensorsDtype, bytes: Uint8Array<ArrayBuffer>): Float32Array | undefined {
  if (dtype === "F64") return Float32Array.from(new Float64Array(bytes.buffer));
  return isFloatType(dtype) ? toF32(dtype, bytes) : undefined;
}
