/** The frontier of best-first search: the nodes that may still be continued, and the finished ones that may be chosen. */
import { byScore } from "./sampling.ts";
import { isOpen } from "./standing.ts";
import type { Candidate, Search } from "./strategy.ts";

/** A partial answer on the frontier. */
export interface Node {
  readonly candidate: Candidate;
  readonly g: number;
  readonly h: number;
  readonly f: number;
}

/** Finished nodes that are kept: the first in order of f, and the best judged. */
export const ENDED_KEPT = 2;

/** Gives up the nodes whose turn cannot come any more, and finished ones that others are chosen before: they hold keys and values. */
export function withinReach(search: Search, sorted: readonly Node[], left: number): Node[] {
  const open = sorted.filter(({ candidate }) => isOpen(candidate)).slice(0, left);
  const ended = sorted.filter(({ candidate }) => !isOpen(candidate));
  const best = bestJudged(ended);
  const kept = new Set([...open, ...ended.filter((node, at) => at === 0 || node === best)]);
  search.drop(sorted.filter((node) => !kept.has(node)).map(({ candidate }) => candidate));
  return sorted.filter((node) => kept.has(node));
}

/** The node of least f; of equals, the deeper one, then the older one. */
export function byCost(a: Node, b: Node): number {
  return a.f - b.f || b.candidate.depth - a.candidate.depth || a.candidate.id - b.candidate.id;
}

/** Of finished nodes the one judged best. */
export function bestJudged(nodes: readonly Node[]): Node | undefined {
  const [best] = byScore(
    nodes.map(({ candidate }) => candidate),
    nodes.map(({ h }) => 1 - h),
  );
  return nodes.find(({ candidate }) => candidate === best);
}
