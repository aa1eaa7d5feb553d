/**
 * The only ways kit reads and writes files that matter: regular files opened without blocking, full preads, and
 * durable atomic replacement (temporary file, fsync, rename, fsync of the directory).
 *
 * Writes loop because `writeSync` may be short without an error (a full disk); nothing is memory-mapped, because a
 * file truncated under a mapping kills the process with SIGBUS.
 */
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  linkSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { TrimtabError } from "./errors.ts";

/** Prefix of files that are being written; the writer's process id follows. */
export const TEMPORARY_PREFIX = ".tmp-";
const READ_CHUNK_BYTES = 64 * 1024 * 1024;
const HASH_CHUNK_BYTES = 4 * 1024 * 1024;

/** An open regular file. The owner closes `fd`. */
export interface OpenFile {
  readonly fd: number;
  readonly sizeBytes: number;
}

/** A file of several, by its name among them. */
export interface NamedFile {
  readonly name: string;
  /** Where it lies. */
  readonly at: string;
}

/** How to open: the largest acceptable size, the name used in errors, and whether a symbolic link may be followed. */
export interface OpenOptions {
  readonly maxBytes?: number;
  readonly label?: string;
  readonly followSymlinks?: boolean;
}

/**
 * Opens a regular file for reading. Directories, pipes and devices are refused without blocking on them.
 * @throws TrimtabError ARTIFACT_NOT_FOUND (no such file), ARTIFACT_INVALID (not a readable regular file), TOO_LARGE.
 */
export function openRegularFile(path: string, options: OpenOptions = {}): OpenFile {
  const label = options.label ?? "file";
  const follow = options.followSymlinks === false ? constants.O_NOFOLLOW : 0;
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | follow);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") {
      throw new TrimtabError("ARTIFACT_NOT_FOUND", `${label} does not exist`, { cause });
    }
    throw new TrimtabError("ARTIFACT_INVALID", `${label} cannot be opened (${code ?? "error"})`, { cause });
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new TrimtabError("ARTIFACT_INVALID", `${label} is not a regular file`);
    if (options.maxBytes !== undefined && stat.size > options.maxBytes) {
      const message = `${label} has ${stat.size} bytes, the limit is ${options.maxBytes}`;
      throw new TrimtabError("TOO_LARGE", message, { limit: options.maxBytes });
    }
    return { fd, sizeBytes: stat.size };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/**
 * Fills `into` from absolute file position `position`.
 * @throws TrimtabError ARTIFACT_CORRUPT if the file ends before `into` is full.
 */
export function readFully(fd: number, into: Uint8Array, position: number): void {
  let done = 0;
  while (done < into.length) {
    const count = readSync(fd, into, done, Math.min(into.length - done, READ_CHUNK_BYTES), position + done);
    if (count === 0) {
      throw new TrimtabError(
        "ARTIFACT_CORRUPT",
        `file ended at byte ${position + done} while it was being read`,
      );
    }
    done += count;
  }
}

/** Reads a whole regular file, see {@link openRegularFile} for the errors. */
export function readRegularFile(path: string, options: OpenOptions = {}): Uint8Array {
  const { fd, sizeBytes } = openRegularFile(path, options);
  try {
    const bytes = new Uint8Array(sizeBytes);
    readFully(fd, bytes, 0);
    return bytes;
  } finally {
    closeSync(fd);
  }
}

/** Lower-case hex SHA-256 of bytes. */
export function sha256Hex(bytes: Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}

/** Lower-case hex SHA-256 of an open file, in chunks of 4 MiB; about 2 ms per MB. */
export function sha256OfFile(file: OpenFile): string {
  const hasher = new Bun.CryptoHasher("sha256");
  const chunk = new Uint8Array(Math.min(HASH_CHUNK_BYTES, file.sizeBytes));
  for (let at = 0; at < file.sizeBytes; at += chunk.length) {
    const part = chunk.subarray(0, Math.min(chunk.length, file.sizeBytes - at));
    readFully(file.fd, part, at);
    hasher.update(part);
  }
  return hasher.digest("hex");
}

/** SHA-256 of the regular file at a path, hex; see {@link openRegularFile} for the errors. */
export function sha256OfPath(path: string, options: OpenOptions = {}): string {
  const file = openRegularFile(path, options);
  try {
    return sha256OfFile(file);
  } finally {
    closeSync(file.fd);
  }
}

/** SHA-256 of the lines `<SHA-256 of the file>  <name>` of several files, hex; see {@link openRegularFile} for the errors. */
export function digestOfFiles(files: readonly NamedFile[]): string {
  const lines = files.map(({ name, at }) => `${sha256OfPath(at, { label: name })}  ${name}\n`);
  return sha256Hex(new TextEncoder().encode(lines.join("")));
}

/**
 * Writes `bytes` to `path` so that a crash leaves the old file or the new one, never a part.
 * When it returns, the bytes and the name are on disk.
 * @throws TrimtabError STORAGE_FULL, SERVICE_UNAVAILABLE (the disk refuses)
 */
export function writeFileAtomic(path: string, bytes: Uint8Array): void {
  storing(() => {
    const temporary = writeTemporary(dirname(path), bytes);
    try {
      renameSync(temporary, path);
    } catch (error) {
      unlinkQuietly(temporary);
      throw error;
    }
    fsyncDirectory(dirname(path));
  });
}

/**
 * Like {@link writeFileAtomic}, but only if `path` does not exist yet; false if it does. The winner among several
 * processes is decided by the file system.
 */
export function createFileAtomic(path: string, bytes: Uint8Array): boolean {
  return storing(() => {
    const temporary = writeTemporary(dirname(path), bytes);
    try {
      linkSync(temporary, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
      throw error;
    } finally {
      unlinkQuietly(temporary);
    }
    fsyncDirectory(dirname(path));
    return true;
  });
}

const FULL = new Set(["ENOSPC", "EDQUOT"]);

/** Runs `write`; what the disk refuses is a typed error without a path. */
function storing<T>(write: () => T): T {
  try {
    return write();
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === undefined) throw cause;
    if (FULL.has(code)) throw new TrimtabError("STORAGE_FULL", "no space is left in the store", { cause });
    throw new TrimtabError("SERVICE_UNAVAILABLE", `the store cannot be written (${code})`, { cause });
  }
}

/** Removes what writers that no longer live left behind in `directory`. */
export function sweepTemporaries(directory: string): void {
  for (const name of readdirSync(directory)) {
    if (!name.startsWith(TEMPORARY_PREFIX)) continue;
    const pid = Number(name.slice(TEMPORARY_PREFIX.length).split("-", 1)[0]);
    if (!isProcessAlive(pid)) unlinkQuietly(join(directory, name));
  }
}

/** Whether a process runs, whoever started it. */
export function isProcessAlive(pid: number): boolean {
  try {
    return pid === process.pid || process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** A complete, synced file next to its destination. */
function writeTemporary(directory: string, bytes: Uint8Array): string {
  const temporary = join(directory, `${TEMPORARY_PREFIX}${process.pid}-${crypto.randomUUID()}`);
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const fd = openSync(temporary, flags, 0o600);
  try {
    for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done, bytes.length - done);
    fsyncSync(fd);
  } catch (error) {
    unlinkQuietly(temporary);
    throw error;
  } finally {
    closeSync(fd);
  }
  return temporary;
}

/** Removes a file, if it is there and the system lets it. */
export function unlinkQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Already gone: nothing is left to remove.
  }
}

/** Makes renames and unlinks inside `directory` durable. */
export function fsyncDirectory(directory: string): void {
  const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
