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
