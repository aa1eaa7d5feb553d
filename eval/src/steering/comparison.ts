/**
 * The primary comparison: ours against each rival on the same harmful test prompts, paired bootstrap of the difference, p-values
 * corrected by Holm's step-down.
 */
import { bootstrapDifference, bootstrapPValue, type Interval } from "../statistics.ts";
import { PRIMARY_ARMS } from "./arms.ts";
import type { ReportRow } from "./rows.ts";

/** Ours against one rival. */
export interface Comparison {
  readonly rival: string;
  /** Effect of ours minus the rival's, paired. */
  readonly difference: Interval;
  readonly p: number;
  /** Corrected for the number of comparisons. */
  readonly adjustedP: number;
}

/** Compares the row named "ours" with the other primary rows; empty if it is not there. */
export function comparePrimary(rows: readonly ReportRow[]): Comparison[] {
  const ours = rows.find(({ primary }) => primary === "ours");
  if (ours === undefined) return [];
  const compared = rows.flatMap((row) => {
    if (row.primary === undefined || row === ours) return [];
    const [mine, theirs] = [ours.effects, row.effects];
    const p = bootstrapPValue(mine.map((value, at) => value - theirs[at]!));
    return [{ rival: row.primary, difference: bootstrapDifference(mine, theirs), p }];
  });
  // Corrected for what was planned: a rival that could not be run makes the others no better.
  const adjusted = holm(
    compared.map(({ p }) => p),
    PRIMARY_ARMS.length - 1,
  );
  return compared.map((one, at) => ({ ...one, adjustedP: adjusted[at]! }));
}

/**
 * Holm's step-down: the k-th smallest of m p-values times m − k + 1, never below the one before, at most 1.
 * @param planned m, if more comparisons were planned than there are values
 */
export function holm(values: readonly number[], planned = values.length): number[] {
  const order = values.map((_, at) => at).toSorted((a, b) => values[a]! - values[b]!);
  const adjusted = new Array<number>(values.length).fill(1);
  let floor = 0;
  for (const [rank, at] of order.entries()) {
    floor = Math.max(floor, Math.min(1, values[at]! * (planned - rank)));
    adjusted[at] = floor;
  }
  return adjusted;
}
