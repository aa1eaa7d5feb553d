/**
 * Bounded sequential reading of a GGUF header through a sliding window: from a file descriptor (pread) or a buffer.
 * Every read names the field it is for, so that a refusal says what was wrong and where. Memory: one window.
 */
import { TrimtabError } from "./errors.ts";
import { type OpenFile, readFully } from "./files.ts";

const WINDOW_BYTES = 1024 * 1024;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Where the bytes come from. */
export type ByteSource = Uint8Array | OpenFile;

/** Sequential little-endian reader; throws ARTIFACT_INVALID with field and offset. */
export interface Cursor {
  /** Absolute position of the next byte. */
  readonly offset: number;
  readonly remaining: number;
  u8(field: string): number;
  u32(field: string): number;
  u64(field: string): bigint;
  /** Length-prefixed UTF-8 text of at most `maxBytes` bytes. */
  text(field: string, maxBytes: number): string;
  /** View of the next `count` bytes, valid until the next call. */
  bytes(field: string, count: number): Uint8Array;
  /** Refuses the file; `at` is the offset of the faulty value. */
  fail(field: string, problem: string, at: number, limit?: number): never;
}

/** Cursor over `source`, starting at byte 0; refuses to go beyond `maxBytes`. */
export function createCursor(source: ByteSource, maxBytes: number): Cursor {
  const isBuffer = source instanceof Uint8Array;
  const sizeBytes = isBuffer ? source.length : source.sizeBytes;
  const end = Math.min(sizeBytes, maxBytes);
  let window = isBuffer ? source.subarray(0, end) : new Uint8Array(0);
  let view = new DataView(window.buffer, window.byteOffset, window.length);
  let base = 0;
  let at = 0;

  function fail(field: string, problem: string, offset: number, limit?: number): never {
    const context = limit === undefined ? { field } : { field, limit };
    throw new TrimtabError("ARTIFACT_INVALID", `GGUF: ${field} ${problem} at offset ${offset}`, context);
  }
  /** Makes `count` bytes available and returns their index inside the window. */
  function take(field: string, count: number): number {
    const index = at - base;
    if (index + count <= window.length) {
      at += count;
      return index;
    }
    if (at + count > end) {
      if (end < sizeBytes) fail(field, `lies beyond the header limit of ${maxBytes} bytes`, at, maxBytes);
      fail(field, `needs ${count} bytes but the file ends after ${end - at}`, at);
    }
    window = new Uint8Array(Math.min(Math.max(count, WINDOW_BYTES), end - at));
    readFully((source as OpenFile).fd, window, at);
    view = new DataView(window.buffer);
    base = at;
    at += count;
    return 0;
  }
  return {
    get offset() {
      return at;
    },
    get remaining() {
      return end - at;
    },
    u8: readU8,
    u32: readU32,
    u64: readU64,
    text(field, limitBytes) {
      const start = at;
      const index = take(field, 8);
      const high = view.getUint32(index + 4, true);
      const count = view.getUint32(index, true);
      if (high !== 0 || count > limitBytes) {
        const length = (BigInt(high) << 32n) | BigInt(count);
        fail(field, `has length ${length}, the limit is ${limitBytes} bytes,`, start, limitBytes);
      }
      const first = take(field, count);
      return decode(field, first, count, start);
    },
    bytes(field, count) {
      const index = take(field, count);
      return window.subarray(index, index + count);
    },
    fail,
  };

  // `take` may replace the window, so it runs before `view` is read.
  function readU8(field: string): number {
    const index = take(field, 1);
    return view.getUint8(index);
  }
  function readU32(field: string): number {
    const index = take(field, 4);
    return view.getUint32(index, true);
  }
  function readU64(field: string): bigint {
    const index = take(field, 8);
    return view.getBigUint64(index, true);
  }
  function decode(field: string, index: number, count: number, start: number): string {
    const part = window.subarray(index, index + count);
    try {
      return utf8.decode(part);
    } catch {
      return fail(field, "is not valid UTF-8", start);
    }
  }
}
