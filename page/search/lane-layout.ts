/**
 * Rows for the lanes of a search. A row is free from where its candidate was given up; one that begins takes the row of the
 * candidate it continues if that is free, else the first free one. What lives on, or ended as an answer, keeps its row.
 */
import type { Candidate } from "./candidate.ts";

/** Row of every candidate, from 0, given in order of arrival. */
export function layoutLanes(candidates: ReadonlyMap<number, Candidate>): ReadonlyMap<number, number> {
  const rows = new Map<number, number>();
  /** Token from which each row is free. */
  const freeFrom: number[] = [];
  for (const one of candidates.values()) {
    const isFree = (row: number) => (freeFrom[row] ?? 0) <= one.start;
    const own = rows.get(one.parent);
    let row = own !== undefined && isFree(own) ? own : 0;
    while (!isFree(row)) row++;
    rows.set(one.id, row);
    freeFrom[row] = one.state === "pruned" ? one.tokens : Infinity;
  }
  return rows;
}
