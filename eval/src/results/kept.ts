/** Results that the page about searches quotes: rows with what paired differences need, as JSON under `eval/results`. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Arm, nameOf, type VerifierSource } from "../arms.ts";
import { distinctAnswers, type ReportRow, type Sorted } from "../rows.ts";
import { meanOf } from "../statistics.ts";

/** Folder of kept results. */
export const KEPT = join(import.meta.dir, "..", "..", "results");

/** A row with its problems, in the same order in every row of a run. */
export interface KeptRow extends ReportRow {
  readonly source: VerifierSource | "none";
  /** 1 or 0 a problem. */
  readonly right: readonly number[];
  /** Different answers at the end, a problem. */
  readonly distinctAnswers: readonly number[];
  /** Mean effective sample size at the first, second … resampling. */
  readonly sampleSizes: readonly number[];
}

/** A run as it is kept. */
export interface KeptRun {
  readonly title: string;
  /** What made it, paths left out. */
  readonly command: string;
  readonly rows: readonly KeptRow[];
}

/** The run as it is kept. Rows of arms that not all problems were run on are left out. */
export function keepRun(
  title: string,
  command: string,
  arms: readonly Arm[],
  rows: readonly ReportRow[],
  { searches }: Sorted,
): KeptRun {
  const n = Math.max(0, ...rows.map((row) => row.n));
  const kept = arms.flatMap((arm) => {
    const row = rows.find((one) => one.arm === nameOf(arm));
    const records = [...(searches.get(nameOf(arm))?.entries() ?? [])]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([, record]) => record);
    if (row === undefined || row.n < n || records.length !== n) return [];
    return [
      {
        ...row,
        source: arm.verifier ?? ("none" as const),
        right: records.map(({ right }) => Number(right)),
        distinctAnswers: records.map(({ candidates }) => distinctAnswers(candidates)),
        sampleSizes: meanByStep(records.map(({ effectiveSampleSizes }) => effectiveSampleSizes)),
      },
    ];
  });
  return { title, command, rows: kept };
}

/** A table kept as it is. */
export interface KeptTable {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Writes a run under a name. */
export const writeKept = (name: string, run: KeptRun): void => write(name, run);

/** Writes a table under a name. */
export const writeTable = (name: string, table: KeptTable): void => write(name, table);

const write = (name: string, result: object): void =>
  writeFileSync(join(KEPT, `${name}.json`), `${JSON.stringify(result, undefined, 1)}\n`);

/** Reads a kept result. @throws Error if there is none of that name. */
export const readKept = (folder: string, name: string): unknown =>
  JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8"));

function meanByStep(sizes: readonly (readonly number[])[]): number[] {
  const steps = Math.max(0, ...sizes.map(({ length }) => length));
  return Array.from({ length: steps }, (_, step) => meanOf(sizes.flatMap((one) => one[step] ?? [])));
}
