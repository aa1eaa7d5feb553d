/** Memory of processes over time and how fast it grows, and files this one has open (Linux). */
import { readdirSync, readFileSync } from "node:fs";

/** Memory a process holds, MiB. */
export function residentMib(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024;
}

/** A value at a time, in minutes. */
export interface Sample {
  readonly minute: number;
  readonly mib: number;
}

/** Slope of the line of least squares, MiB a minute. */
export function slopeOf(samples: readonly Sample[]): number {
  const mean = (read: (sample: Sample) => number): number =>
    samples.reduce((sum, sample) => sum + read(sample), 0) / Math.max(1, samples.length);
  const [minute, mib] = [mean((s) => s.minute), mean((s) => s.mib)];
  const spread = samples.reduce((sum, s) => sum + (s.minute - minute) ** 2, 0);
  return spread === 0 ? 0 : samples.reduce((sum, s) => sum + (s.minute - minute) * (s.mib - mib), 0) / spread;
}

/** Open files of this process; 0 where that cannot be read. */
export function openFiles(): number {
  return process.platform === "linux" ? readdirSync("/proc/self/fd").length : 0;
}
