/**
 * Which prefixes a set of texts should compute once: a forest whose leaves are the texts and whose inner nodes are
 * prefixes shared by several of them. Pure; cost O(total tokens · depth).
 */

/** A text and how much of it may be shared (later tokens are read or changed for this text alone). */
export interface ForestItem {
  readonly ids: readonly number[];
  readonly shareable: number;
}

/** A node to compute: its tokens continue those of its parent. */
export interface ForestNode {
  readonly ids: readonly number[];
  /** Index of the parent node, always smaller than the node's own, or null. */
  readonly parent: number | null;
  /** Index of the item this leaf is, or null for a shared prefix. */
  readonly item: number | null;
}

/** Prefixes shorter than this are computed again instead of shared: a fork costs a page copy. */
const MIN_SHARED_TOKENS = 8;

/** The forest of some texts; every item is the leaf of exactly one node. */
export function planForest(items: readonly ForestItem[]): ForestNode[] {
  const nodes: ForestNode[] = [];
  const grow = (group: readonly number[], depth: number, parent: number | null): void => {
    const [first] = group;
    if (first === undefined) return;
    const ids = items[first]?.ids ?? [];
    if (group.length === 1) return void nodes.push({ ids, parent, item: first });
    const common = commonPrefix(items, group);
    let node = parent;
    let reached = depth;
    if (common - depth >= MIN_SHARED_TOKENS) {
      node = nodes.push({ ids: ids.slice(0, common), parent, item: null }) - 1;
      reached = common;
    }
    const branches = new Map<number, number[]>();
    for (const index of group) {
      const item = items[index];
      if (!item) continue;
      if (item.shareable <= common) {
        nodes.push({ ids: item.ids, parent: node, item: index });
        continue;
      }
      const token = item.ids[common] ?? 0;
      const branch = branches.get(token);
      if (branch) branch.push(index);
      else branches.set(token, [index]);
    }
    for (const branch of branches.values()) grow(branch, reached, node);
  };
  grow([...items.keys()], 0, null);
  return nodes;
}

function commonPrefix(items: readonly ForestItem[], group: readonly number[]): number {
  const first = items[group[0] ?? 0]?.ids ?? [];
  let common = Number.POSITIVE_INFINITY;
  for (const index of group) {
    const { ids, shareable } = items[index] ?? { ids: [], shareable: 0 };
    let length = 0;
    while (length < Math.min(common, shareable) && ids[length] === first[length]) length++;
    common = length;
  }
  return common;
}
