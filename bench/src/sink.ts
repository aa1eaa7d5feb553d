/** Where rows go as soon as they are there, so that a run that is stopped has not been for nothing, and what is there already. */
import type { Machine } from "./machine.ts";
import { makeReport, printRows, readReport, writeReport } from "./report.ts";
import type { BenchRow, RowKey, Rows } from "./rows.ts";

/** Part of a key; rows that agree with it are meant. */
export type Some = Pick<RowKey, "model" | "threads"> & Partial<RowKey>;

/** A report that grows. */
export interface Sink {
  /** Prints rows and writes the file anew. */
  add(rows: Rows): Promise<void>;
  /** Whether there is a row from before this run that need not be measured again. */
  has(some: Some): boolean;
  rows(some: Some): BenchRow[];
}

/** What is done with a file that exists: begin anew, keep what is not measured now, or measure only what is missing. */
export type Earlier = "replace" | "keep" | "resume";

/** Opens the report at `path`, if any. @throws Error when the file is of another machine. */
export async function openSink(machine: Machine, path: string | undefined, earlier: Earlier): Promise<Sink> {
  const found = path !== undefined && earlier !== "replace" ? await readReport(path) : undefined;
  let report = makeReport(machine, { rows: [], absent: [] }, found);
  const done = earlier === "resume" ? report.rows : [];
  return {
    async add(rows) {
      if (rows.rows.length + rows.absent.length === 0) return;
      printRows(rows);
      report = makeReport(machine, rows, report);
      if (path !== undefined) await writeReport(path, report);
    },
    has: (some) => done.some((row) => agrees(row, some)),
    rows: (some) => report.rows.filter((row) => agrees(row, some)),
  };
}

const agrees = (row: BenchRow, some: Some): boolean =>
  Object.entries(some).every(([name, value]) => row[name as keyof RowKey] === value);
