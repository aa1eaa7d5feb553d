/** Rows for people (a table on standard output) and for programs (a JSON file). */
import { existsSync } from "node:fs";
import { readFile, rename, writeFile } from "node:fs/promises";
import type { Machine } from "./machine.ts";
import { mergeRows, type BenchRow, type Rows } from "./rows.ts";

/** A result as the file holds it. */
export interface Report extends Machine, Rows {}

const HEADER = ["model", "metric", "file", "threads", "context", "batch", "peer", "ours", "theirs", "unit"];

/** Prints rows as a table, and what is absent below it. */
export function printRows({ rows, absent }: Rows): void {
  const cells = rows.map((row) => [...cellsOf(row), row.unit, formatRatio(row)]);
  const table = [[...HEADER, "ratio (lowest to highest)"], ...cells];
  const widths = table[0]!.map((_, i) => Math.max(...table.map((line) => line[i]!.length)));
  for (const line of table) {
    process.stdout.write(`${line.map((cell, i) => cell.padEnd(widths[i]!)).join("  ")}\n`);
  }
  for (const { peer, metric, file, threads, reason } of absent) {
    process.stdout.write(`absent: ${peer}, ${metric} (${file} file, ${threads} threads): ${reason}\n`);
  }
}

function cellsOf(row: BenchRow): string[] {
  const { model, metric, file, threads, context, batch, peer, ours, theirs } = row;
  const numbers = [threads, context, batch].map(String);
  return [
    model,
    metric,
    file,
    ...numbers,
    peer,
    formatValue(ours),
    theirs === null ? "" : formatValue(theirs),
  ];
}

/** Three digits that count. */
export const formatValue = (value: number): string =>
  Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);

/** `1.52 (1.40 to 1.61)`; nothing for a quantity that stands alone. */
export const formatRatio = ({ ratio, low, high }: BenchRow): string =>
  ratio === null ? "" : `${ratio.toFixed(2)} (${low?.toFixed(2)} to ${high?.toFixed(2)})`;

/** Reads a report; undefined if there is no such file. */
export async function readReport(path: string): Promise<Report | undefined> {
  return existsSync(path) ? (JSON.parse(await readFile(path, "utf8")) as Report) : undefined;
}

/** A report of what was measured now and, if `earlier` is given, what it held besides. */
export function makeReport(machine: Machine, rows: Rows, earlier: Report | undefined): Report {
  if (earlier && (earlier.cpu !== machine.cpu || earlier.isa !== machine.isa)) {
    throw new Error(
      `the file was measured on ${earlier.cpu} (${earlier.isa}): rows of two machines do not mix`,
    );
  }
  const versions = { ...earlier?.versions, ...machine.versions };
  const load = Math.max(machine.load, earlier?.load ?? 0);
  return { ...machine, load, versions, ...(earlier ? mergeRows(earlier, rows) : rows) };
}

/** Writes a report; a run that is killed meanwhile leaves the one before, which `--resume` needs. */
export async function writeReport(path: string, report: Report): Promise<void> {
  const part = `${path}.part`;
  await writeFile(part, `${JSON.stringify(report, undefined, 2)}\n`);
  await rename(part, path);
}
