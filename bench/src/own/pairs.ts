/** A quantity measured in two ways in turn, so that what the machine does meanwhile hits both: with and without something. */
import { rowOf, type BenchRow, type RowKey } from "../rows.ts";
import type { ForwardUnderTest } from "../ours/forward.ts";

/** What our own metrics are measured with. */
export interface OwnBench {
  readonly forward: ForwardUnderTest;
  readonly modelPath: string;
  /** Name of the model in rows. */
  readonly model: string;
  readonly threads: number;
  /** Rounds of a metric whose measurements are short; long ones take fewer. */
  readonly rounds: number;
  /** A run of a few minutes: fewer turns. */
  readonly quick: boolean;
}

/** What two ways of doing a thing have in common. */
export interface Pair {
  readonly metric: string;
  readonly context: number;
  readonly batch: number;
  /** The other way. */
  readonly peer: string;
  readonly unit: string;
  ours(): Promise<number>;
  theirs(): Promise<number>;
  /** What else belongs to the number, asked for at the end. */
  settings?(): string;
}

/** The key of a row of ours. */
export function keyFor(
  { model, threads }: OwnBench,
  metric: string,
  context: number,
  batch: number,
  peer: string,
): RowKey {
  return { model, metric, file: "same", threads, context, batch, peer };
}

/** Runs both ways `rounds` times, in turns, after `warmUp` rounds that do not count. */
export async function comparePair(
  bench: OwnBench,
  pair: Pair,
  rounds: number,
  warmUp = 1,
): Promise<BenchRow> {
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = -warmUp; round < rounds; round++) {
    const values = { ours: 0, theirs: 0 };
    const order = round % 2 === 0 ? (["ours", "theirs"] as const) : (["theirs", "ours"] as const);
    for (const way of order) values[way] = await pair[way]();
    if (round < 0) continue;
    ours.push(values.ours);
    theirs.push(values.theirs);
  }
  const key = keyFor(bench, pair.metric, pair.context, pair.batch, pair.peer);
  return rowOf(key, pair.unit, ours, theirs, pair.settings?.());
}
