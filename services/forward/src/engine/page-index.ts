/**
 * Full pages that can be found again by their key or by what they begin with, and which of them to give up when pages
 * are needed.
 *
 * Rule: GreedyDual. A page's value is the clock at its last use plus what computing it again would cost; the page of
 * least value goes, and the clock moves to that value, so that what is cheap or long unused goes first. Only pages that
 * nobody holds go, those before others of a chain last: a chain shrinks from its end. Cost: O(cached pages) an eviction.
 * Source: Cao & Irani, Cost-Aware WWW Proxy Caching Algorithms, USITS 1997.
 */

/** A key of a page: names its tokens, those before it, and everything else its bits depend on. */
export type PageKey = string;

/** What a page holds, position by position. */
export interface PageText {
  readonly ids: readonly number[];
  /** What acted on each position; empty where nothing acted on any. */
  readonly signatures: readonly string[];
}

/** A page whose first `tokens` positions are those looked for. */
export interface Beginning {
  readonly page: number;
  readonly tokens: number;
}

/** Keys ↔ pages. */
export interface PageIndex {
  find(key: PageKey): number | undefined;
  /** A page after `parent` that begins as `text` does, for 8 positions or more; the first `MAX_TRIED` are looked at. */
  findBeginning(parent: PageKey, text: PageText): Beginning | undefined;
  /** Whether the page can be found. */
  has(page: number): boolean;
  /** Makes a page findable; its key must not be taken. `parent` is the key of the page before, or that before the first. */
  add(key: PageKey, parent: PageKey, page: number, text: PageText): void;
  /** The page was used or let go: its value is as of now. */
  touch(page: number): void;
  /** The page cannot be found any longer. */
  remove(page: number): void;
  /** Removes the page of least value among those nobody holds; undefined when there is none. */
  evict(isHeld: (page: number) => boolean): number | undefined;
  readonly evicted: number;
}

/** Fewer positions are computed again instead of copied. */
const MIN_BEGINNING = 8;
const MAX_TRIED = 64;

interface Entry {
  readonly key: PageKey;
  readonly parent: PageKey;
  readonly text: PageText;
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
  const beginnings = new Map<string, Set<number>>();
  let clock = 0;
  let evicted = 0;

  const count = (parent: PageKey, change: number): void => {
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
    const name = beginningOf(entry.parent, entry.text);
    const alike = beginnings.get(name);
    alike?.delete(page);
    if (alike?.size === 0) beginnings.delete(name);
  };
  const depthBelow = (parent: PageKey): number => {
    const page = pages.get(parent);
    return page === undefined ? 0 : (entries.get(page)?.depth ?? 0) + 1;
  };
  return {
    find: (key) => pages.get(key),
    has: (page) => entries.has(page),
    findBeginning(parent, text) {
      let best: Beginning | undefined;
      for (const page of take(beginnings.get(beginningOf(parent, text)) ?? [], MAX_TRIED)) {
        const tokens = alikeFor(entries.get(page)?.text ?? NOTHING, text);
        if (tokens >= MIN_BEGINNING && tokens > (best?.tokens ?? 0)) best = { page, tokens };
      }
      return best;
    },
    add(key, parent, page, text) {
      const depth = depthBelow(parent);
      pages.set(key, page);
      entries.set(page, { key, parent, text, depth, value: clock + pageCost(depth) });
      count(parent, 1);
      const name = beginningOf(parent, text);
      const alike = beginnings.get(name);
      if (alike) alike.add(page);
      else beginnings.set(name, new Set([page]));
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

const NOTHING: PageText = { ids: [], signatures: [] };

/** What pages that begin alike have in common. */
const beginningOf = (parent: PageKey, { ids }: PageText): string =>
  `${parent} ${ids.slice(0, MIN_BEGINNING).join(" ")}`;

/** Positions that two texts have in common at their beginning. */
function alikeFor(a: PageText, b: PageText): number {
  let at = 0;
  while (
    at < Math.min(a.ids.length, b.ids.length) &&
    a.ids[at] === b.ids[at] &&
    (a.signatures[at] ?? "") === (b.signatures[at] ?? "")
  )
    at++;
  return at;
}

function* take<T>(items: Iterable<T>, count: number): Generator<T> {
  let left = count;
  for (const item of items) {
    if (left-- === 0) return;
    yield item;
  }
}
