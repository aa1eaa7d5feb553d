/**
 * Values of GGUF metadata: scalars, text, and arrays of them; reading with bounds, and typed access by key.
 * Arrays of numbers become typed arrays, arrays of text `string[]`; 64-bit scalars are numbers when they are exact.
 */
import { TrimtabError } from "./errors.ts";
import type { Cursor } from "./gguf-cursor.ts";
import { GGUF_LIMITS } from "./limits.ts";

/** Arrays of numbers as they stand in the file; booleans as bytes 0 and 1. */
export type GgufNumbers =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array
  | BigUint64Array
  | BigInt64Array;

/** One metadata value. `bigint` only for 64-bit integers beyond 2^53. */
export type GgufValue = number | bigint | boolean | string | readonly string[] | GgufNumbers;

interface ScalarType {
  readonly name: string;
  readonly sizeBytes: number;
  readonly array: (bytes: ArrayBuffer) => GgufNumbers;
}

const BOOL = 7;
const STRING = 8;
const ARRAY = 9;
const SCALARS: ReadonlyMap<number, ScalarType> = new Map<number, ScalarType>([
  [0, { name: "u8", sizeBytes: 1, array: (b) => new Uint8Array(b) }],
  [1, { name: "i8", sizeBytes: 1, array: (b) => new Int8Array(b) }],
  [2, { name: "u16", sizeBytes: 2, array: (b) => new Uint16Array(b) }],
  [3, { name: "i16", sizeBytes: 2, array: (b) => new Int16Array(b) }],
  [4, { name: "u32", sizeBytes: 4, array: (b) => new Uint32Array(b) }],
  [5, { name: "i32", sizeBytes: 4, array: (b) => new Int32Array(b) }],
  [6, { name: "f32", sizeBytes: 4, array: (b) => new Float32Array(b) }],
  [BOOL, { name: "bool", sizeBytes: 1, array: (b) => new Uint8Array(b) }],
  [10, { name: "u64", sizeBytes: 8, array: (b) => new BigUint64Array(b) }],
  [11, { name: "i64", sizeBytes: 8, array: (b) => new BigInt64Array(b) }],
  [12, { name: "f64", sizeBytes: 8, array: (b) => new Float64Array(b) }],
]);

/** Reads the value of type number `type`; `at` is the offset of the type for messages. */
export function readGgufValue(cursor: Cursor, field: string, type: number, at: number): GgufValue {
  if (type === STRING) return cursor.text(field, GGUF_LIMITS.textBytes);
  if (type === ARRAY) return readArray(cursor, field);
  const scalar = SCALARS.get(type);
  if (!scalar) return cursor.fail(field, `has unknown value type ${type}`, at);
  const value = readNumbers(cursor, field, scalar, 1)[0] as number | bigint;
  if (type === BOOL) return checkBoolean(cursor, field, Number(value), at);
  return typeof value === "bigint" && isExact(value) ? Number(value) : value;
}

function readArray(cursor: Cursor, field: string): GgufValue {
  const at = cursor.offset;
  const type = cursor.u32(`${field}.type`);
  const count = cursor.u64(`${field}.length`);
  const scalar = SCALARS.get(type);
  if (type === ARRAY) return cursor.fail(field, "is an array of arrays, unsupported,", at);
  if (!scalar && type !== STRING) return cursor.fail(field, `has unknown element type ${type}`, at);
  const limit = GGUF_LIMITS.arrayElements;
  if (count > BigInt(limit)) cursor.fail(field, `has ${count} elements, the limit is ${limit},`, at, limit);
  const minBytes = scalar?.sizeBytes ?? 8;
  if (Number(count) * minBytes > cursor.remaining) {
    cursor.fail(
      field,
      `has ${count} elements, more than the remaining ${cursor.remaining} bytes can hold,`,
      at,
    );
  }
  if (scalar) return readNumbers(cursor, field, scalar, Number(count));
  const texts: string[] = [];
  for (let i = 0; i < Number(count); i++) texts.push(cursor.text(field, GGUF_LIMITS.textBytes));
  return texts;
}

function readNumbers(cursor: Cursor, field: string, scalar: ScalarType, count: number): GgufNumbers {
  // A copy: aligned for the typed array, and independent of the cursor's window.
  return scalar.array(Uint8Array.from(cursor.bytes(field, count * scalar.sizeBytes)).buffer);
}

function checkBoolean(cursor: Cursor, field: string, value: number, at: number): boolean {
  if (value > 1) cursor.fail(field, `is ${value}, not a boolean,`, at);
  return value === 1;
}

function isExact(value: bigint): boolean {
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER);
}

/** Metadata by key. */
export type GgufMetadata = ReadonlyMap<string, GgufValue>;

/** Bounds of a number, inclusive. */
export interface NumberRange {
  readonly min: number;
  readonly max: number;
  readonly integer?: boolean;
}

/** The text under `key`, or undefined if absent. @throws TrimtabError ARTIFACT_INVALID if it is no text. */
export function ggufText(metadata: GgufMetadata, key: string): string | undefined {
  const value = metadata.get(key);
  if (value === undefined || typeof value === "string") return value;
  return refuse(key, "must be text");
}

/** The number under `key` inside `range`, or undefined if absent. @throws TrimtabError ARTIFACT_INVALID. */
export function ggufNumber(metadata: GgufMetadata, key: string, range: NumberRange): number | undefined {
  const value = metadata.get(key);
  if (value === undefined) return undefined;
  if (typeof value !== "number" || !Number.isFinite(value)) return refuse(key, "must be a finite number");
  if (range.integer && !Number.isInteger(value)) return refuse(key, "must be an integer");
  if (value < range.min || value > range.max) {
    return refuse(key, `is ${value}, must be ${range.min} to ${range.max}`, `${range.min}..${range.max}`);
  }
  return value;
}

/** The boolean under `key`, or undefined if absent. @throws TrimtabError ARTIFACT_INVALID if it is no boolean. */
export function ggufBoolean(metadata: GgufMetadata, key: string): boolean | undefined {
  const value = metadata.get(key);
  if (value === undefined || typeof value === "boolean") return value;
  return refuse(key, "must be a boolean");
}

/** The texts under `key`, or undefined if absent. @throws TrimtabError ARTIFACT_INVALID if they are no texts. */
export function ggufTexts(metadata: GgufMetadata, key: string): readonly string[] | undefined {
  const value = metadata.get(key);
  if (value === undefined || isTexts(value)) return value;
  return refuse(key, "must be an array of texts");
}

/** The numbers under `key`, or undefined if absent. @throws TrimtabError ARTIFACT_INVALID if they are no numbers. */
export function ggufNumbers(metadata: GgufMetadata, key: string): GgufNumbers | undefined {
  const value = metadata.get(key);
  if (value === undefined || ArrayBuffer.isView(value)) return value;
  return refuse(key, "must be an array of numbers");
}

/** `value`, or a refusal that names the missing key. @throws TrimtabError ARTIFACT_INVALID. */
export function required<T>(value: T | undefined, key: string): T {
  if (value === undefined) return refuse(key, "is missing");
  return value;
}

function isTexts(value: GgufValue): value is readonly string[] {
  return Array.isArray(value);
}

function refuse(key: string, problem: string, limit?: string): never {
  const context = limit === undefined ? { field: key } : { field: key, limit };
  throw new TrimtabError("ARTIFACT_INVALID", `GGUF: metadata ${key} ${problem}`, context);
}
