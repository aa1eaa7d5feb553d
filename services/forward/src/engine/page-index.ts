/**
 * Full pages that can be found again by their key, and which of them to give up when pages are needed.
 *
 * Rule: GreedyDual. A page's value is the clock at its last use plus what computing it again would cost; the page of
 * least value goes, and the clock moves to that value, so that what is cheap or long unused goes first. Only pages that
 * nobody holds go, those before others of a chain last: a chain shrinks from its end. Cost: O(cached pages) an eviction.
 * Source: Cao & Irani, Cost-Aware WWW Proxy Caching Algorithms, USITS 1997.
 */

/** A key of a page: names its tokens, those before it, and everything else its bits depend on. */
export type PageKey = string;

/** Keys ↔ pages. */
export interface PageIndex {
  find(key: PageKey): number | undefined;
  /** Whether the page can be found. */
  has(page: number): boolean;
  /** Makes a page findable; its key must not be taken. */
  add(key: PageKey, parent: PageKey | null, page: number): void;
  /** The page was used or let go: its value is as of now. */
  touch(page: number): void;
  /** The page cannot be found any longer. */
  remove(page: number): void;
  /** Removes the page of least value among those nobody holds; undefined when there is none. */
  evict(isHeld: (page: number) => boolean): number | undefined;
  readonly evicted: number;
}

interface Entry {
  readonly key: PageKey;
  readonly parent: PageKey | null;
  /** Pages before this one. */
  readonly depth: number;
  value: number;
}

/**
 * An empty index.
 * @param pageCost what computing a page again costs, by the number of pages before it; any unit
 */
export function createPageIndex(pageCost: (depth: number) => number): PageIndex {
  const pages = new Map<PageKey, number>();
  const entries = new Map<number, Entry>();
  const continuations = new Map<PageKey, number>();
  let clock = 0;
  let evicted = 0;

  const count = (parent: PageKey | null, change: number): void => {
    if (parent === null) return;
    const left = (continuations.get(parent) ?? 0) + change;
    if (left === 0) continuations.delete(parent);
    else continuations.set(parent, left);
  };
  const remove = (page: number): void => {
    const entry = entries.get(page);
    if (!entry) return;
    entries.delete(page);
    pages.delete(entry.key);
    count(entry.parent, -1);
  };
  const depthBelow = (parent: PageKey | null): number => {
    const page = parent === null ? undefined : pages.get(parent);
    return page === undefined ? 0 : (entries.get(page)?.depth ?? 0) + 1;
  };
  return {
    find: (key) => pages.get(key),
    has: (page) => entries.has(page),
    add(key, parent, page) {
      const depth = depthBelow(parent);
      pages.set(key, page);
      entries.set(page, { key, parent, depth, value: clock + pageCost(depth) });
      count(parent, 1);
    },
    touch(page) {
      const entry = entries.get(page);
      if (entry) entry.value = clock + pageCost(entry.depth);
    },
    remove,
    evict(isHeld) {
      let least: number | undefined;
      let value = Number.POSITIVE_INFINITY;
      let isEnd = false;
      for (const [page, entry] of entries) {
        if (isHeld(page)) continue;
        // Where only pages are left that something held continues, one of them goes all the same.
        const endsChain = !continuations.has(entry.key);
        if (endsChain === isEnd ? entry.value >= value : isEnd) continue;
        least = page;
        value = entry.value;
        isEnd = endsChain;
      }
      if (least === undefined) return undefined;
      clock = Math.max(clock, value);
      evicted++;
      remove(least);
      return least;
    },
    get evicted() {
      return evicted;
    },
  };
}
