/**
 * Rows of a benchmark: one metric of one configuration, ours beside a peer's, as medians over interleaved rounds.
 */
import { writeFile } from "node:fs/promises";
import { cpus } from "node:os";

/** One comparison. */
export interface BenchRow {
  readonly model: string;
  readonly metric: string;
  readonly threads: number;
  readonly context: number;
  readonly batch: number;
  readonly peer: string;
  /** Medians, tokens/s. */
  readonly ours: number;
  readonly theirs: number;
  readonly ratio: number;
}

/** Median of a list. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The widest vector instruction set this machine has, as native peers see it. */
export async function instructionSet(): Promise<string> {
  const info = await Bun.file("/proc/cpuinfo")
    .text()
    .catch(() => "");
  if (/\bavx512_vnni\b/.test(info)) return "avx512_vnni";
  if (/\bavx512f\b/.test(info)) return "avx512f";
  return /\bavx2\b/.test(info) ? "avx2" : "unknown";
}

/** Prints rows as a table. */
export function printRows(rows: readonly BenchRow[]): void {
  const header = ["metric", "threads", "context", "batch", "peer", "ours", "theirs", "ratio"];
  const cells = rows.map((r) => [
    r.metric,
    String(r.threads),
    String(r.context),
    String(r.batch),
    r.peer,
    r.ours.toFixed(1),
    r.theirs.toFixed(1),
    r.ratio.toFixed(2),
  ]);
  const widths = header.map((h, i) => Math.max(h.length, ...cells.map((c) => c[i]!.length)));
  for (const line of [header, ...cells]) {
    process.stdout.write(`${line.map((c, i) => c.padEnd(widths[i]!)).join("  ")}\n`);
  }
}

/** Writes rows with what they were measured on. */
export async function writeRows(path: string, rows: readonly BenchRow[]): Promise<void> {
  const result = { cpu: cpus()[0]?.model ?? "unknown", isa: await instructionSet(), bun: Bun.version, rows };
  await writeFile(path, `${JSON.stringify(result, null, 2)}\n`);
}
