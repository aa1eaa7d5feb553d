/**
 * Writer of safetensors files larger than memory: room for the header is set aside, f32 tensors are begun when their
 * shape is known and filled piece by piece, and the file appears under its name when all of them are full.
 */
import { TrimtabError } from "./errors.ts";
import { createFileWriter } from "./file-writer.ts";
import { SAFETENSORS_LIMITS } from "./limits.ts";

/** What is known before anything is written. */
export interface SafetensorsPlan {
  readonly metadata: Readonly<Record<string, string>>;
  /** Names of all tensors, in the order of the header. */
  readonly names: readonly string[];
}

/** A file being written. */
export interface SafetensorsWriter {
  /** Gives a tensor its shape and place. @throws TrimtabError INVALID_ARGUMENT (not planned, begun already), SHAPE_MISMATCH */
  begin(name: string, shape: readonly number[]): void;
  isBegun(name: string): boolean;
  /** Writes elements from index `first` on. @throws TrimtabError SHAPE_MISMATCH (not begun, beyond the end) */
  write(name: string, first: number, values: Uint8Array): void;
  /** Writes the header and puts the file in place. @throws TrimtabError ARTIFACT_INVALID naming a tensor that is not full */
  commit(): void;
  /** Removes what was written; nothing after `commit`. */
  discard(): void;
}

interface Placed {
  readonly shape: readonly number[];
  readonly offset: number;
  readonly sizeBytes: number;
  written: number;
}

const LENGTH_BYTES = 8;
const ELEMENT_BYTES = 4;
/** The dtype, at most 4 dims and two offsets of an entry, punctuation included. */
const ENTRY_BYTES = 160;

/**
 * Opens a writer.
 * @throws TrimtabError ARTIFACT_INVALID if the folder cannot be written to; TOO_LARGE for more names and metadata than
 *   other readers take
 */
export function createSafetensorsWriter(path: string, plan: SafetensorsPlan): SafetensorsWriter {
  const headerBytes = roomForHeader(plan);
  const file = createFileWriter(path);
  const names = new Set(plan.names);
  const placed = new Map<string, Placed>();
  let end = 0;
  return {
    isBegun: (name) => placed.has(name),
    begin(name, shape) {
      if (!names.has(name) || placed.has(name)) {
        throw new TrimtabError("INVALID_ARGUMENT", `tensor ${name} is not planned or begun already`, {
          field: name,
        });
      }
      const elements = shape.reduce((product, dim) => product * dim, 1);
      if (shape.length > 4 || !(elements > 0)) {
        const message = `tensor ${name} cannot have the shape [${shape.join(", ")}]`;
        throw new TrimtabError("SHAPE_MISMATCH", message, { field: name });
      }
      const sizeBytes = elements * ELEMENT_BYTES;
      placed.set(name, { shape, offset: end, sizeBytes, written: 0 });
      end += sizeBytes;
    },
    write(name, first, values) {
      const tensor = placed.get(name);
      const at = first * ELEMENT_BYTES;
      if (!tensor || at + values.length > tensor.sizeBytes) {
        throw new TrimtabError("SHAPE_MISMATCH", `tensor ${name} has no room for these values`, {
          field: name,
        });
      }
      file.writeAt(LENGTH_BYTES + headerBytes + tensor.offset + at, values);
      tensor.written += values.length;
    },
    commit() {
      const open = plan.names.find((name) => {
        const { written, sizeBytes } = placed.get(name) ?? { written: 0, sizeBytes: 1 };
        return written < sizeBytes;
      });
      if (open !== undefined) {
        throw new TrimtabError("ARTIFACT_INVALID", `tensor ${open} is not full`, { field: open });
      }
      const length = new Uint8Array(BigUint64Array.of(BigInt(headerBytes)).buffer);
      const header = JSON.stringify(headerOf(plan, placed)).padEnd(headerBytes);
      file.writeAt(0, length);
      // Padding by characters: names may have several bytes each, and what is too long is blanks.
      file.writeAt(LENGTH_BYTES, Buffer.from(header).subarray(0, headerBytes));
      file.commit();
    },
    discard: () => file.discard(),
  };
}

function roomForHeader({ metadata, names }: SafetensorsPlan): number {
  const fixed = Buffer.byteLength(JSON.stringify({ __metadata__: metadata }));
  const entries = names.reduce((sum, name) => sum + Buffer.byteLength(JSON.stringify(name)) + ENTRY_BYTES, 0);
  const sizeBytes = Math.ceil((fixed + entries) / 8) * 8;
  const limit = SAFETENSORS_LIMITS.writtenHeaderBytes;
  if (sizeBytes <= limit) return sizeBytes;
  const message = `safetensors: ${names.length} tensors with their metadata need a header of ${sizeBytes} bytes`;
  throw new TrimtabError("TOO_LARGE", message, { field: "header", limit });
}

function headerOf({ metadata, names }: SafetensorsPlan, placed: ReadonlyMap<string, Placed>): object {
  const tensors = names.map((name) => {
    const { shape = [], offset = 0, sizeBytes = 0 } = placed.get(name) ?? {};
    return [name, { dtype: "F32", shape, data_offsets: [offset, offset + sizeBytes] }];
  });
  return { __metadata__: metadata, ...Object.fromEntries(tensors) };
}
