/** Rows of a benchmark: one metric of one configuration, ours beside a peer's, as medians over interleaved rounds. */
import type { FileKind } from "./contender.ts";

/** What a row is about; two rows with the same key are the same measurement. */
export interface RowKey {
  readonly model: string;
  readonly metric: string;
  readonly file: FileKind;
  readonly threads: number;
  /** Tokens each sequence holds; for `prefill` the length of the prompt. */
  readonly context: number;
  readonly batch: number;
  /** Whom or what we compare with; `none` for a quantity that stands alone. */
  readonly peer: string;
}

/** One comparison, or one quantity that stands alone. */
export interface BenchRow extends RowKey {
  readonly unit: string;
  /** Medians of the rounds, in `unit`. */
  readonly ours: number;
  readonly theirs: number | null;
  /** Median over the rounds of ours / theirs, with the lowest and highest round; null where nothing is compared. */
  readonly ratio: number | null;
  readonly low: number | null;
  readonly high: number | null;
  readonly rounds: number;
  /** Settings of the peer, where it had a choice, or what else belongs to the number. */
  readonly settings?: string;
}

/** A comparison that could not be made. */
export interface AbsentRow extends RowKey {
  readonly reason: string;
}

/** What a benchmark has to say. */
export interface Rows {
  readonly rows: readonly BenchRow[];
  readonly absent: readonly AbsentRow[];
}

/** Median of a list; NaN if it is empty. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** A row from the values of each round. */
export function rowOf(
  key: RowKey,
  unit: string,
  ours: readonly number[],
  theirs: readonly number[],
  settings?: string,
): BenchRow {
  const ratios = ours.map((value, round) => value / theirs[round]!);
  return {
    ...key,
    unit,
    ours: median(ours),
    theirs: median(theirs),
    ratio: median(ratios),
    low: Math.min(...ratios),
    high: Math.max(...ratios),
    rounds: ratios.length,
    ...(settings === undefined ? {} : { settings }),
  };
}

/** A row of a quantity that is compared with nothing. */
export function rowAlone(key: RowKey, unit: string, ours: readonly number[], settings?: string): BenchRow {
  return {
    ...key,
    unit,
    ours: median(ours),
    ...{ theirs: null, ratio: null, low: null, high: null },
    rounds: ours.length,
    ...(settings === undefined ? {} : { settings }),
  };
}

/** The key as text. */
export function keyOf({ model, metric, file, threads, context, batch, peer }: RowKey): string {
  // A peer's version after a blank is no part of the question: a newer one answers the same.
  return [model, metric, file, threads, context, batch, peer.replace(/ \d.*$/, "")].join("|");
}

/** `earlier` with everything that `later` answers anew replaced. */
export function mergeRows(earlier: Rows, later: Rows): Rows {
  const isAnew = new Set([...later.rows, ...later.absent].map(keyOf));
  const kept = <T extends RowKey>(list: readonly T[]) => list.filter((row) => !isAnew.has(keyOf(row)));
  return {
    rows: [...kept(earlier.rows), ...later.rows],
    absent: [...kept(earlier.absent), ...later.absent],
  };
}
