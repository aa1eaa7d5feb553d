/**
 * The KV tree: pages of 32 tokens with reference counts, shared between the branches of a search and between requests.
 *
 * A table lists the pages of one sequence in position order. `fork` shares every page; the first write into a shared
 * page replaces it, copying its content only when earlier tokens of that page must survive, hence at most once per
 * fork. `publish` makes a full page findable by its key; a published page nobody holds stays until pages are needed
 * (see page-index.ts). A table that computed what is published already takes the published page instead of its own.
 * Pure bookkeeping: bytes move only through the two callbacks. Cost: O(pages touched) per call.
 */
import { TrimtabError } from "#kit/errors.ts";
import { PAGE_TOKENS } from "#kernels";
import type { Beginning, PageIndex, PageKey, PageText } from "./page-index.ts";
import { createPageIndex } from "./page-index.ts";

/** Pages of one sequence; entry i covers positions 32·i … 32·i + 31. Owned by the tree that made it. */
export interface KvTable {
  /** Page numbers in position order. */
  readonly pages: readonly number[];
  /** Positions prepared so far. */
  readonly length: number;
}

/** Gauges of the tree, in pages; `copied` and `evicted` only grow. */
export interface KvCounters {
  readonly total: number;
  /** Pages no table holds: empty ones and cached ones. */
  readonly free: number;
  /** Pages no table holds that can still be found by their key. */
  readonly cached: number;
  readonly used: number;
  readonly shared: number;
  readonly copied: number;
  readonly evicted: number;
}

/** What the tree needs from whoever owns the bytes. */
export interface KvTreeOptions {
  /** Pages available. */
  readonly pages: number;
  /** Copies the content of page `from` over page `to`. */
  readonly copyPage: (from: number, to: number) => void;
  /** Zeroes a page handed out, so that nothing of its last owner is ever read. */
  readonly clearPage: (page: number) => void;
  /** What computing a page again costs, by the number of pages before it; default: the same for all. */
  readonly pageCost?: (depth: number) => number;
}

/** Operations on the tree; every one leaves it unchanged when it throws or returns false. */
export interface KvTree {
  /** Pages in all. */
  readonly total: number;
  /** Pages no table holds: empty ones and cached ones. */
  readonly free: number;
  /** An empty table. */
  create(): KvTable;
  /** A table that shares every page of `parent`; copies nothing. */
  fork(parent: KvTable): KvTable;
  /**
   * Makes positions [from, to) writable; false (and no change) when pages are lacking. A page that no more than `holders`
   * tables (1) hold, this one among them, is written in place: the others must be about to share what is written.
   */
  prepare(table: KvTable, from: number, to: number, holders?: number): boolean;
  /** Pages that `prepare` would have to take from those nobody holds. */
  missing(table: KvTable, from: number, to: number, holders?: number): number;
  /** Forgets positions ≥ `length`. */
  truncate(table: KvTable, length: number): void;
  /** Makes the full page at `index` findable by `key` and by its beginning; `parent` is the key of the page before it. */
  publish(table: KvTable, index: number, key: PageKey, parent: PageKey, text: PageText): void;
  /** The page published under a key. */
  find(key: PageKey): number | undefined;
  /** A page published after `parent` that begins like `text`. */
  findBeginning(parent: PageKey, text: PageText): Beginning | undefined;
  /** Shares published pages as the table's pages from `index` on, so that it has `length` positions. */
  attach(table: KvTable, index: number, pages: readonly number[], length: number): void;
  /** Gives every page of the table back; the table must not be used again. */
  release(table: KvTable): void;
  counters(): KvCounters;
}

interface MutableTable extends KvTable {
  pages: number[];
  length: number;
  released: boolean;
}

/** Pages by how many tables hold them: empty ones, cached ones, and those in use. */
function createPages(count: number, index: PageIndex) {
  const references = new Uint32Array(count);
  const empty = Array.from({ length: count }, (_, page) => count - 1 - page);
  let cached = 0;
  return {
    references,
    /** Pages no table holds. */
    get free(): number {
      return empty.length + cached;
    },
    get cached(): number {
      return cached;
    },
    get hasEmpty(): boolean {
      return empty.length > 0;
    },
    /** Hands out a page, held once: an empty one, or else the cached one of least value. */
    take(): number {
      let page = empty.pop();
      if (page === undefined) {
        page = index.evict((candidate) => (references[candidate] ?? 0) > 0);
        cached--;
      }
      if (page === undefined)
        throw new TrimtabError("INTERNAL", "a KV page was taken without being counted first");
      references[page] = 1;
      return page;
    },
    /** One table more holds the page. */
    hold(page: number): void {
      const before = references[page] ?? 0;
      if (before === 0) cached--;
      references[page] = before + 1;
      index.touch(page);
    },
    /** One table less holds the page. */
    drop(page: number): void {
      const left = (references[page] ?? 0) - 1;
      if (left < 0) throw new TrimtabError("INTERNAL", `KV page ${page} was released twice`);
      references[page] = left;
      if (left > 0) return;
      if (!index.has(page)) return void empty.push(page);
      index.touch(page);
      cached++;
    },
  };
}

/** Creates a tree over `options.pages` free pages. */
export function createKvTree(options: KvTreeOptions): KvTree {
  const index = createPageIndex(options.pageCost ?? (() => 1));
  const pages = createPages(options.pages, index);
  const { references, take, hold, drop } = pages;
  let copied = 0;

  const missing = (table: KvTable, from: number, to: number, holders = 1): number => {
    let count = 0;
    for (let at = Math.floor(from / PAGE_TOKENS); at * PAGE_TOKENS < to; at++) {
      const page = table.pages[at];
      if (page === undefined || (references[page] ?? 0) > holders) count++;
    }
    return count;
  };
  /** Makes page `at` of a table its own, or that of its `holders`, keeping what it holds before `from` and from `to` on. */
  const own = (mine: MutableTable, at: number, from: number, to: number, holders: number): void => {
    const old = mine.pages[at];
    // A published page is left as it is while there are empty ones: others, and this table itself, may come back to it.
    if (old !== undefined && (references[old] ?? 0) <= holders && !(index.has(old) && pages.hasEmpty)) {
      return index.remove(old);
    }
    const page = take();
    const start = at * PAGE_TOKENS;
    const keepsTokens = start < from || to < Math.min(mine.length, start + PAGE_TOKENS);
    if (old !== undefined && keepsTokens) {
      options.copyPage(old, page);
      copied++;
    } else {
      options.clearPage(page);
    }
    if (old !== undefined) drop(old);
    mine.pages[at] = page;
  };

  return {
    total: options.pages,
    get free() {
      return pages.free;
    },
    create: () => ({ pages: [], length: 0, released: false }) satisfies MutableTable as KvTable,
    fork(parent) {
      const { pages: shared, length } = alive(parent);
      for (const page of shared) hold(page);
      return { pages: [...shared], length, released: false } satisfies MutableTable as KvTable;
    },
    missing,
    prepare(table, from, to, holders = 1) {
      const mine = alive(table);
      if (from > mine.length || to < from) {
        throw new TrimtabError(
          "INTERNAL",
          `positions ${from}…${to} do not follow ${mine.length} prepared ones`,
        );
      }
      if (missing(mine, from, to, holders) > pages.free) return false;
      const first = Math.floor(from / PAGE_TOKENS);
      for (let at = first; at * PAGE_TOKENS < to; at++) own(mine, at, from, to, holders);
      mine.length = Math.max(mine.length, to);
      return true;
    },
    truncate(table, length) {
      const mine = alive(table);
      if (length < 0 || length > mine.length) {
        throw new TrimtabError("INTERNAL", `cannot truncate ${mine.length} positions to ${length}`);
      }
      for (const page of mine.pages.splice(Math.ceil(length / PAGE_TOKENS))) drop(page);
      mine.length = length;
    },
    publish(table, at, key, parent, text) {
      const mine = alive(table);
      const page = mine.pages[at];
      if (page === undefined || mine.length < (at + 1) * PAGE_TOKENS) {
        throw new TrimtabError("INTERNAL", `page ${at} of ${mine.length} positions is not full`);
      }
      const published = index.find(key);
      if (published === undefined) {
        if (!index.has(page)) index.add(key, parent, page, text);
      } else if (published !== page) {
        hold(published);
        drop(page);
        mine.pages[at] = published;
      }
    },
    find: (key) => index.find(key),
    findBeginning: (parent, text) => index.findBeginning(parent, text),
    attach(table, at, found, length) {
      const mine = alive(table);
      if (at > mine.pages.length || length > (at + found.length) * PAGE_TOKENS) {
        throw new TrimtabError("INTERNAL", `${found.length} pages at ${at} do not make ${length} positions`);
      }
      for (const page of found) hold(page);
      for (const page of mine.pages.splice(at, mine.pages.length, ...found)) drop(page);
      mine.length = length;
    },
    release(table) {
      const mine = alive(table);
      for (const page of mine.pages.splice(0)) drop(page);
      mine.released = true;
    },
    counters() {
      let shared = 0;
      for (const count of references) if (count > 1) shared++;
      const { free, cached } = pages;
      const used = options.pages - free;
      return { total: options.pages, free, cached, used, shared, copied, evicted: index.evicted };
    },
  };
}

function alive(table: KvTable): MutableTable {
  const mine = table as MutableTable;
  if (mine.released) throw new TrimtabError("INTERNAL", "a released KV table was used");
  return mine;
}
