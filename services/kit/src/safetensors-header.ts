/**
 * The header of a safetensors file, from a buffer or an open file: u64 length, JSON, then the tensors without holes.
 * Source: the format's reference rules. The JSON is scanned for duplicate keys and depth before it is parsed:
 * `JSON.parse` keeps the last duplicate silently. Memory: the header, whose length is checked against the file first.
 */
import { TrimtabError } from "./errors.ts";
import { type OpenFile, readFully } from "./files.ts";
import { isJsonObject } from "./json-file.ts";
import { scanJson } from "./json-scan.ts";
import { printable } from "./printable.ts";

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

/** Where a tensor stands: bytes `start` to `end` of the file, little-endian, row-major. */
export interface SafetensorsEntry {
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  readonly start: number;
  readonly end: number;
}

/** A parsed header. */
export interface SafetensorsHeader {
  /** In the order of the header. */
  readonly entries: readonly SafetensorsEntry[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** What a header may hold. */
export interface HeaderLimits {
  readonly headerBytes: number;
  readonly tensors: number;
  readonly dims: number;
  readonly headerDepth: number;
}

const LENGTH_BYTES = 8;
const METADATA_KEY = "__metadata__";
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Parses the header of a file or buffer.
 * @throws TrimtabError ARTIFACT_INVALID naming the tensor and the rule.
 */
export function parseSafetensorsHeader(
  source: Uint8Array | OpenFile,
  limits: HeaderLimits,
): SafetensorsHeader {
  const { json, dataOffset, sizeBytes } = readHeader(source, limits);
  const fault = json.startsWith("{") ? scanJson(json, limits.headerDepth) : "does not start with {";
  if (fault !== undefined) refuse("header", fault);
  const { [METADATA_KEY]: metadata, ...tensors } = JSON.parse(json) as Record<string, unknown>;
  const infos = Object.entries(tensors);
  if (infos.length > limits.tensors) {
    refuse("header", `has ${infos.length} tensors, the limit is ${limits.tensors}`);
  }
  const placed = infos.map(([name, info]) => checkInfo(name, info, limits));
  checkContiguous(placed, sizeBytes - dataOffset);
  const entries = placed.map((entry) => ({
    ...entry,
    start: dataOffset + entry.start,
    end: dataOffset + entry.end,
  }));
  return { entries, metadata: checkMetadata(metadata) };
}

function readHeader(source: Uint8Array | OpenFile, limits: HeaderLimits) {
  const isBuffer = source instanceof Uint8Array;
  const sizeBytes = isBuffer ? source.length : source.sizeBytes;
  const read = (from: number, count: number): Uint8Array => {
    if (isBuffer) return source.subarray(from, from + count);
    const bytes = new Uint8Array(count);
    readFully(source.fd, bytes, from);
    return bytes;
  };
  if (sizeBytes < LENGTH_BYTES) refuse("header length", `needs 8 bytes, the file has ${sizeBytes}`);
  const start = read(0, LENGTH_BYTES);
  const length = new DataView(start.buffer, start.byteOffset).getBigUint64(0, true);
  if (length < 2n || length > BigInt(limits.headerBytes)) {
    refuse("header length", `is ${length}, must be 2 to ${limits.headerBytes}`);
  }
  const dataOffset = LENGTH_BYTES + Number(length);
  if (dataOffset > sizeBytes) refuse("header length", `is ${length}, beyond the file of ${sizeBytes} bytes`);
  try {
    return { json: utf8.decode(read(LENGTH_BYTES, Number(length))), dataOffset, sizeBytes };
  } catch (error) {
    if (error instanceof TrimtabError) throw error;
    return refuse("header", "is not valid UTF-8");
  }
}

/** One tensor, its offsets relative to the data. */
function checkInfo(name: string, info: unknown, limits: HeaderLimits): SafetensorsEntry {
  if (!isJsonObject(info)) return refuse(name, "is not an object");
  const { dtype, shape, data_offsets: offsets, ...rest } = info;
  const extra = Object.keys(rest)[0];
  if (extra !== undefined) refuse(name, `has the unknown field ${extra}`);
  if (typeof dtype !== "string" || !Object.hasOwn(DTYPE_BYTES, dtype))
    return refuse(name, "has an unknown dtype");
  if (!isCounts(shape) || shape.length > limits.dims) return refuse(name, "has no valid shape");
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

function checkContiguous(placed: readonly SafetensorsEntry[], dataBytes: number): void {
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
  if (!isJsonObject(metadata) || Object.values(metadata).some((value) => typeof value !== "string")) {
    return refuse(METADATA_KEY, "must map text to text");
  }
  return metadata as Record<string, string>;
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}

function refuse(field: string, problem: string): never {
  const name = printable(field);
  throw new TrimtabError("ARTIFACT_INVALID", `safetensors: ${name} ${problem}`, { field: name });
}
