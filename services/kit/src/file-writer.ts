/**
 * A file written in pieces, in any order, that appears under its name only when it is whole: temporary file beside it,
 * fsync, rename, fsync of the folder. For files too large to be held in memory.
 */
import { closeSync, constants, fsyncSync, openSync, renameSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { TrimtabError } from "./errors.ts";
import { fsyncDirectory, TEMPORARY_PREFIX, unlinkQuietly } from "./files.ts";

/** A file being written. Exactly one of `commit` and `discard` ends it; `discard` after `commit` does nothing. */
export interface FileWriter {
  /** Writes all bytes at an absolute position; gaps are zeros. @throws TrimtabError ARTIFACT_INVALID (disk full, …) */
  writeAt(position: number, bytes: Uint8Array): void;
  /** Makes the file durable under its name, in place of an older one. */
  commit(): void;
  /** Removes what was written. */
  discard(): void;
}

/** Opens a writer. @throws TrimtabError ARTIFACT_INVALID if the folder cannot be written to */
export function createFileWriter(path: string): FileWriter {
  const temporary = join(dirname(path), `${TEMPORARY_PREFIX}${process.pid}-${crypto.randomUUID()}`);
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const fd = attempt(path, () => openSync(temporary, flags, 0o644));
  let isOpen = true;
  return {
    writeAt(position, bytes) {
      attempt(path, () => {
        for (let done = 0; done < bytes.length;) {
          done += writeSync(fd, bytes, done, bytes.length - done, position + done);
        }
      });
    },
    commit() {
      // Nothing is closed before it is in place: until then there is something to discard.
      attempt(path, () => fsyncSync(fd));
      attempt(path, () => renameSync(temporary, path));
      isOpen = false;
      closeSync(fd);
      fsyncDirectory(dirname(path));
    },
    discard() {
      if (!isOpen) return;
      isOpen = false;
      closeSync(fd);
      unlinkQuietly(temporary);
    },
  };
}

function attempt<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? "error";
    throw new TrimtabError("ARTIFACT_INVALID", `${path} cannot be written (${code})`, {
      field: "path",
      cause,
    });
  }
}
