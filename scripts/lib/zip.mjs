// Reads one member of a zip file (a Python wheel is one). Source: PKWARE APPNOTE 6.3, sections 4.3.7, 4.3.12 and 4.3.16.
// Cost: one pass over the member, in chunks; the file is never held in memory. Not supported, and said so: zip64, encryption.

import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { createInflateRaw } from "node:zlib";
import { SetupFailure } from "./failure.mjs";

const END_SIGNATURE = 0x06054b50;
const CENTRAL_SIGNATURE = 0x02014b50;
const LOCAL_SIGNATURE = 0x04034b50;
const END_BYTES = 22;
const CENTRAL_BYTES = 46;
const LOCAL_BYTES = 30;
const COMMENT_LIMIT_BYTES = 0xffff;
const STORED = 0;
const DEFLATED = 8;

const broken = (path, what) => new SetupFailure("ARCHIVE_CORRUPT", `${path}: ${what}`);

/**
 * Opens the member `name` of the zip file at `path`.
 * @returns `{ sizeBytes, stream }`, the stream yielding the member's uncompressed bytes.
 * @throws SetupFailure ARCHIVE_CORRUPT when the file is no such zip or lacks the member.
 */
export async function openZipMember(path, name) {
  const file = await open(path, "r");
  try {
    const entry = findEntry(path, await readDirectory(path, file), name);
    const header = await readAt(file, entry.offset, LOCAL_BYTES);
    if (header.length < LOCAL_BYTES || header.readUInt32LE(0) !== LOCAL_SIGNATURE) {
      throw broken(path, `no local header for ${name}`);
    }
    const start = entry.offset + LOCAL_BYTES + header.readUInt16LE(26) + header.readUInt16LE(28);
    const raw = createReadStream(path, { start, end: start + entry.packedBytes - 1, highWaterMark: 1 << 20 });
    if (entry.method === STORED) return { sizeBytes: entry.sizeBytes, stream: raw };
    const inflate = createInflateRaw({ chunkSize: 1 << 20 });
    raw.once("error", (error) => inflate.destroy(error));
    return { sizeBytes: entry.sizeBytes, stream: raw.pipe(inflate) };
  } finally {
    await file.close();
  }
}

async function readDirectory(path, file) {
  const { size } = await file.stat();
  const tailBytes = Math.min(size, END_BYTES + COMMENT_LIMIT_BYTES);
  const tail = await readAt(file, size - tailBytes, tailBytes);
  for (let at = tail.length - END_BYTES; at >= 0; at -= 1) {
    if (tail.readUInt32LE(at) !== END_SIGNATURE) continue;
    const directoryBytes = tail.readUInt32LE(at + 12);
    const offset = tail.readUInt32LE(at + 16);
    if (offset + directoryBytes > size) throw broken(path, "zip64 or truncated directory");
    return readAt(file, offset, directoryBytes);
  }
  throw broken(path, "not a zip file, or truncated");
}

function findEntry(path, directory, name) {
  for (let at = 0; at + CENTRAL_BYTES <= directory.length;) {
    if (directory.readUInt32LE(at) !== CENTRAL_SIGNATURE) throw broken(path, "bad directory entry");
    const nameBytes = directory.readUInt16LE(at + 28);
    const method = directory.readUInt16LE(at + 10);
    if (directory.toString("utf8", at + CENTRAL_BYTES, at + CENTRAL_BYTES + nameBytes) === name) {
      const isEncrypted = (directory.readUInt16LE(at + 8) & 1) === 1;
      if (isEncrypted || (method !== STORED && method !== DEFLATED))
        throw broken(path, `cannot read ${name}`);
      return {
        method,
        packedBytes: directory.readUInt32LE(at + 20),
        sizeBytes: directory.readUInt32LE(at + 24),
        offset: directory.readUInt32LE(at + 42),
      };
    }
    at += CENTRAL_BYTES + nameBytes + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
  throw broken(path, `has no member ${name}`);
}

async function readAt(file, position, lengthBytes) {
  const buffer = Buffer.alloc(lengthBytes);
  const { bytesRead } = await file.read(buffer, 0, lengthBytes, position);
  return buffer.subarray(0, bytesRead);
}
