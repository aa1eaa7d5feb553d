/**
 * A lock beside a file that several processes read, change and write: without one, the change of who read first is lost with the
 * write of who read second. A file that names its holder; one whose holder is gone is broken. What is guarded is still written to a
 * temporary name and renamed. Blocks the thread while it waits: for command lines, not for services.
 */
import { readFileSync, renameSync } from "node:fs";
import { TrimtabError } from "./errors.ts";
import { createFileAtomic, isProcessAlive, unlinkQuietly } from "./files.ts";

const LOOK_MS = 10;
const LIMIT_MS = 5_000;

/** Runs `work` while no other process holds the lock of `path`. @throws TrimtabError SERVICE_UNAVAILABLE after five seconds. */
export function withFileLock<T>(path: string, work: () => T): T {
  const lock = `${path}.lock`;
  const name = new TextEncoder().encode(`${process.pid} ${crypto.randomUUID()}`);
  const endMs = performance.now() + LIMIT_MS;
  while (!createFileAtomic(lock, name)) {
    if (performance.now() > endMs)
      throw new TrimtabError(
        "SERVICE_UNAVAILABLE",
        "the file is being changed by another process; try again",
      );
    if (!breakIfLeft(lock)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK_MS);
  }
  try {
    return work();
  } finally {
    unlinkQuietly(lock);
  }
}

/** Takes a lock away whose holder is gone; true if it was. */
function breakIfLeft(lock: string): boolean {
  const holder = holderOf(lock);
  if (holder === undefined || isProcessAlive(Number(holder.split(" ", 1)[0]))) return false;
  const aside = `${lock}.${crypto.randomUUID()}`;
  try {
    renameSync(lock, aside);
  } catch {
    // Another process was faster.
    return false;
  }
  const taken = holderOf(aside);
  unlinkQuietly(aside);
  // Another process was faster, and somebody holds it again: it is given back.
  if (taken !== undefined && taken !== holder) createFileAtomic(lock, new TextEncoder().encode(taken));
  return taken === holder;
}

function holderOf(lock: string): string | undefined {
  try {
    return readFileSync(lock, "utf8");
  } catch {
    return undefined;
  }
}
