/** Processor time of this process, and of threads and processes that the system tells of. */
import { readFileSync } from "node:fs";

/** Starts to count; the answer tells what all threads have used since, in milliseconds. */
export function startProcessClock(): () => number {
  const started = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(started);
    return (user + system) / 1_000;
  };
}

/**
 * Milliseconds on a processor of the thread, or of the first thread of the process, at a place under /proc. Undefined where there is
 * none (any more) or the system does not tell (Linux does). The first number of `schedstat`, nanoseconds; about 20 µs.
 */
export function processorMs(path: string): number | undefined {
  try {
    return Number.parseInt(readFileSync(`${path}/schedstat`, "latin1"), 10) / 1e6;
  } catch {
    return undefined;
  }
}
