/**
 * Writer of small GGUF v3 files: metadata and f32 tensors, for control vectors and test fixtures.
 * Layout: header, metadata, tensor infos, then each tensor at a multiple of 32 bytes.
 */
import { TrimtabError } from "./errors.ts";
import { GGUF_LIMITS } from "./limits.ts";

/** A value with its file type. Integers given as plain numbers are written as u32, other numbers as f32. */
export type GgufInput =
  | string
  | boolean
  | number
  | readonly string[]
  | Int32Array
  | Uint32Array
  | Float32Array
  | { readonly u64: bigint };

/** A tensor to write; `dims` as in the file, the first is the fastest. */
export interface GgufTensorInput {
  readonly name: string;
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

const MAGIC = 0x46554747;
const VERSION = 3;
const ALIGNMENT = 32;
const F32 = 0;
const TYPE = { u32: 4, i32: 5, f32: 6, bool: 7, text: 8, array: 9, u64: 10 } as const;
const utf8 = new TextEncoder();

/**
 * Encodes a GGUF file.
 * @throws TrimtabError SHAPE_MISMATCH (dims and data differ), INVALID_ARGUMENT (name too long or repeated, bad number).
 */
export function writeGguf(
  metadata: Readonly<Record<string, GgufInput>>,
  tensors: readonly GgufTensorInput[],
): Uint8Array {
  checkTensors(tensors);
  const entries = Object.entries(metadata);
  const parts: Uint8Array[] = [u32(MAGIC), u32(VERSION), u64(tensors.length), u64(entries.length)];
  for (const [key, value] of entries) parts.push(text(key), ...encodeValue(key, value));
  let offset = 0;
  for (const tensor of tensors) {
    parts.push(text(tensor.name), u32(tensor.dims.length), ...tensor.dims.map(u64), u32(F32), u64(offset));
    offset += padded(tensor.data.byteLength);
  }
  const header = Buffer.concat(parts);
  const file = new Uint8Array(padded(header.length) + offset);
  file.set(header);
  let at = padded(header.length);
  for (const { data } of tensors) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += padded(data.byteLength);
  }
  return file;
}

function checkTensors(tensors: readonly GgufTensorInput[]): void {
  const names = new Set<string>();
  for (const { name, dims, data } of tensors) {
    const length = utf8.encode(name).length;
    if (length === 0 || length > GGUF_LIMITS.tensorNameBytes || names.has(name)) {
      throw new TrimtabError("INVALID_ARGUMENT", `tensor name "${name}" is empty, repeated or too long`, {
        field: "name",
        limit: GGUF_LIMITS.tensorNameBytes,
      });
    }
    names.add(name);
    const count = dims.reduce((product, dim) => product * dim, 1);
    if (dims.length < 1 || dims.length > 4 || count !== data.length || count === 0) {
      throw new TrimtabError(
        "SHAPE_MISMATCH",
        `tensor ${name}: ${data.length} elements for dims [${dims.join(", ")}]`,
        {
          field: name,
        },
      );
    }
  }
}

function encodeValue(key: string, value: GgufInput): Uint8Array[] {
  if (typeof value === "string") return [u32(TYPE.text), text(value)];
  if (typeof value === "boolean") return [u32(TYPE.bool), Uint8Array.of(value ? 1 : 0)];
  if (typeof value === "number") return encodeNumber(key, value);
  if (value instanceof Float32Array) return encodeArray(TYPE.f32, value);
  if (value instanceof Int32Array) return encodeArray(TYPE.i32, value);
  if (value instanceof Uint32Array) return encodeArray(TYPE.u32, value);
  if ("u64" in value) return [u32(TYPE.u64), u64(value.u64)];
  return [u32(TYPE.array), u32(TYPE.text), u64(value.length), ...value.map(text)];
}

function encodeNumber(key: string, value: number): Uint8Array[] {
  if (Number.isInteger(value) && value >= 0 && value <= 0xffffffff) return [u32(TYPE.u32), u32(value)];
  if (!Number.isFinite(value)) {
    throw new TrimtabError("NON_FINITE", `metadata ${key} is ${value}`, { field: key });
  }
  return [u32(TYPE.f32), new Uint8Array(Float32Array.of(value).buffer)];
}

function encodeArray(type: number, values: Float32Array | Int32Array | Uint32Array): Uint8Array[] {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return [u32(TYPE.array), u32(type), u64(values.length), bytes];
}

function padded(sizeBytes: number): number {
  return Math.ceil(sizeBytes / ALIGNMENT) * ALIGNMENT;
}

function u32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}

function u64(value: number | bigint): Uint8Array {
  return new Uint8Array(BigUint64Array.of(BigInt(value)).buffer);
}

function text(value: string): Uint8Array {
  const bytes = utf8.encode(value);
  return Buffer.concat([u64(bytes.length), bytes]);
}
