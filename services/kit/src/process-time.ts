/** Processor time of this process, and of threads and processes that the system tells of. */
import { readFileSync, readlinkSync } from "node:fs";

/** Starts to count; the answer tells what all threads have used since, in milliseconds. */
export function startProcessClock(): () => number {
  const started = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(started);
    return (user + system) / 1_000;
  };
}

/** Where the system tells of the calling thread, for other threads to read; undefined where it does not (Linux does). */
export function threadPath(): string | undefined {
  try {
    return `/proc/${readlinkSync("/proc/thread-self")}`;
  } catch {
    return undefined;
  }
}

/**
 * Starts to count the processor time of a thread, whatever others do meanwhile; the answer tells what it has used since, in milliseconds.
 * Counts the whole process where the system does not tell of threads. About 20 µs a look.
 */
export function startThreadClock(path: string | undefined): () => number {
  const startedMs = path === undefined ? undefined : processorMs(path);
  if (path !== undefined && startedMs !== undefined)
    return () => (processorMs(path) ?? startedMs) - startedMs;
  return startProcessClock();
}

/**
 * Milliseconds on a processor of the thread, or of the first thread of the process, at a place under /proc. Undefined where there is
 * none (any more) or the system does not tell (Linux does). About 20 µs.
 */
export function processorMs(path: string): number | undefined {
  return schedstat(path)?.[0];
}

/** Milliseconds that it could have run and had no processor: those of others. */
export function waitedMs(path: string): number | undefined {
  return schedstat(path)?.[1];
}

/** The first two numbers of `schedstat` are nanoseconds. */
function schedstat(path: string): readonly [number, number] | undefined {
  try {
    const [ran = Number.NaN, waited = Number.NaN] = readFileSync(`${path}/schedstat`, "latin1")
      .split(" ")
      .map(Number);
    return [ran / 1e6, waited / 1e6];
  } catch {
    return undefined;
  }
}
