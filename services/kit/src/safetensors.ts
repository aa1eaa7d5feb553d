/**
 * Reader and writer of safetensors files: 8-byte header length, JSON header, then the tensors without holes.
 * Source: the format's reference rules, with far smaller limits (vectors and controllers, not models).
 * The header is scanned for duplicate keys and depth before it is parsed: `JSON.parse` keeps the last duplicate silently.
 */
import { TrimtabError } from "./errors.ts";
import { scanJson } from "./json-scan.ts";
import { SAFETENSORS_LIMITS } from "./limits.ts";

/** Element types and their sizes in bytes. Sub-byte types are refused. */
const DTYPE_BYTES = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  F64: 8,
  I64: 8,
  U64: 8,
} as const;

/** Element type of a tensor. */
export type SafetensorsDtype = keyof typeof DTYPE_BYTES;

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
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Parses a safetensors file held in memory.
 * @throws TrimtabError ARTIFACT_INVALID naming the tensor and the rule, TOO_LARGE.
 */
export function parseSafetensors(file: Uint8Array): Safetensors {
  if (file.length > SAFETENSORS_LIMITS.fileBytes) {
    const message = `safetensors: ${file.length} bytes, the limit is ${SAFETENSORS_LIMITS.fileBytes}`;
    throw new TrimtabError("TOO_LARGE", message, { limit: SAFETENSORS_LIMITS.fileBytes });
  }
  const { header, dataOffset } = readHeader(file);
  const entries = Object.entries(header).filter(([name]) => name !== METADATA_KEY);
  if (entries.length > SAFETENSORS_LIMITS.tensors) {
    refuse("header", `has ${entries.length} tensors, the limit is ${SAFETENSORS_LIMITS.tensors}`);
  }
  const placed = entries.map(([name, info]) => checkInfo(name, info));
  checkContiguous(placed, file.length - dataOffset);
  const tensors = new Map<string, SafetensorsTensor>();
  for (const { name, dtype, shape, start, end } of placed) {
    tensors.set(name, { dtype, shape, bytes: file.subarray(dataOffset + start, dataOffset + end) });
  }
  return { tensors, metadata: checkMetadata(header[METADATA_KEY]) };
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
  const bytes = Uint8Array.from(tensor.bytes);
  switch (tensor.dtype) {
    case "F32":
      return new Float32Array(bytes.buffer);
    case "F64":
      return Float32Array.from(new Float64Array(bytes.buffer));
    case "F16":
      return Float32Array.from(new Float16Array(bytes.buffer));
    case "BF16":
      return new Float32Array(Uint32Array.from(new Uint16Array(bytes.buffer), (half) => half << 16).buffer);
    default:
      return refuse(name, `has dtype ${tensor.dtype}, which is no float`);
  }
}

function readHeader(file: Uint8Array): { header: Record<string, unknown>; dataOffset: number } {
  if (file.length < LENGTH_BYTES) refuse("header length", `needs 8 bytes, the file has ${file.length}`);
  const length = new DataView(file.buffer, file.byteOffset).getBigUint64(0, true);
  if (length < 2n || length > BigInt(SAFETENSORS_LIMITS.headerBytes)) {
    refuse("header length", `is ${length}, must be 2 to ${SAFETENSORS_LIMITS.headerBytes}`);
  }
  const dataOffset = LENGTH_BYTES + Number(length);
  if (dataOffset > file.length)
    refuse("header length", `is ${length}, beyond the file of ${file.length} bytes`);
  let json: string;
  try {
    json = utf8.decode(file.subarray(LENGTH_BYTES, dataOffset));
  } catch {
    return refuse("header", "is not valid UTF-8");
  }
  if (!json.startsWith("{")) refuse("header", "does not start with {");
  const fault = scanJson(json, SAFETENSORS_LIMITS.headerDepth);
  if (fault !== undefined) refuse("header", fault);
  return { header: JSON.parse(json) as Record<string, unknown>, dataOffset };
}

interface PlacedTensor {
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  readonly start: number;
  readonly end: number;
}

function checkInfo(name: string, info: unknown): PlacedTensor {
  if (!isRecord(info)) return refuse(name, "is not an object");
  const { dtype, shape, data_offsets: offsets, ...rest } = info;
  const extra = Object.keys(rest)[0];
  if (extra !== undefined) refuse(name, `has the unknown field ${extra}`);
  if (typeof dtype !== "string" || !Object.hasOwn(DTYPE_BYTES, dtype))
    return refuse(name, "has an unknown dtype");
  if (!isCounts(shape) || shape.length > SAFETENSORS_LIMITS.dims) return refuse(name, "has no valid shape");
  if (!isCounts(offsets) || offsets.length !== 2) return refuse(name, "has no valid data_offsets");
  const [start, end] = offsets as [number, number];
  const elementBytes = BigInt(DTYPE_BYTES[dtype as SafetensorsDtype]);
  const sizeBytes = shape.reduce((product, dim) => product * BigInt(dim), elementBytes);
  if (sizeBytes === 0n) refuse(name, "has no elements");
  if (BigInt(end) - BigInt(start) !== sizeBytes) {
    refuse(name, `has data_offsets ${start}..${end} but its shape and dtype need ${sizeBytes} bytes`);
  }
  return { name, dtype: dtype as SafetensorsDtype, shape, start, end };
}

function checkContiguous(placed: readonly PlacedTensor[], dataBytes: number): void {
  let free = 0;
  for (const tensor of [...placed].sort((a, b) => a.start - b.start)) {
    if (tensor.start !== free)
      refuse(tensor.name, `starts at ${tensor.start}, the previous tensor ends at ${free}`);
    free = tensor.end;
  }
  if (free !== dataBytes) refuse("data", `has ${dataBytes} bytes, the tensors need ${free}`);
}

function checkMetadata(metadata: unknown): Record<string, string> {
  if (metadata === undefined) return {};
  if (!isRecord(metadata) || Object.values(metadata).some((value) => typeof value !== "string")) {
    return refuse(METADATA_KEY, "must map text to text");
  }
  return metadata as Record<string, string>;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}

function refuse(field: string, problem: string): never {
  const name = field.slice(0, 80).replace(/[^\x20-\x7e]/g, "?");
  throw new TrimtabError("ARTIFACT_INVALID", `safetensors: ${name} ${problem}`, { field: name });
}
