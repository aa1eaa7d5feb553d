/**
 * Twins: generations that stand at the same place of the same pages and go on with the same token, as the branches of a
 * prompt do until they have said something different. Their next row is one row: the first of them computes it, the
 * others take over its page and draw from its logits, each with its own noise. The bits are those each would compute,
 * because a row's bits depend on what its pages hold and on nothing else. Cost: a look-up a row.
 */
import { PAGE_TOKENS } from "#kernels";
import type { KvTree } from "./kv-tree.ts";
import type { Sequence } from "./sequence.ts";
import { bindingAt } from "./sequence.ts";

/** The first of each group of twins, with the others. */
export function findTwins(sequences: readonly Sequence[]): Map<Sequence, Sequence[]> {
  const leaders = new Map<string, Sequence>();
  const twins = new Map<Sequence, Sequence[]>();
  for (const sequence of sequences) {
    const key = keyOf(sequence);
    if (key === null) continue;
    const leader = leaders.get(key);
    if (leader === undefined) leaders.set(key, sequence);
    else twins.set(leader, [...(twins.get(leader) ?? []), sequence]);
  }
  return twins;
}

/** What the next rows of twins have in common; null for a generation whose row is looked at, changed or guessed on. */
function keyOf(sequence: Sequence): string | null {
  const { job, ids, cached, table } = sequence;
  if (job?.kind !== "generate" || job.collector || job.drafter || bindingAt(sequence, cached)) return null;
  // A page is shared only together with those before it, so the last one stands for all.
  const page = table.pages[Math.ceil(cached / PAGE_TOKENS) - 1];
  if (page === undefined || cached !== ids.length - 1) return null;
  return `${page} ${cached} ${ids[cached]}`;
}

/** Shares the page in which `leader`, who has room for it, is about to compute the row that is `twin`'s as well. */
export function takeOver(tree: KvTree, leader: Sequence, twin: Sequence): void {
  const { cached } = twin;
  const at = Math.floor(cached / PAGE_TOKENS);
  const page = leader.table.pages[at];
  if (page !== undefined) tree.attach(twin.table, at, [page], cached + 1);
}
