/**
 * The KV tree: pages of 32 tokens with reference counts, shared between the branches of a search.
 *
 * A table lists the pages of one sequence in position order. `fork` shares every page; the first write into a shared
 * page replaces it, copying its content only when earlier tokens of that page must survive, hence at most once per
 * fork. Pure bookkeeping: bytes move only through the two callbacks. Cost: O(pages touched) per call.
 */
import { TrimtabError } from "#kit/errors.ts";
import { PAGE_TOKENS } from "#kernels";

/** Pages of one sequence; entry i covers positions 32·i … 32·i + 31. Owned by the tree that made it. */
export interface KvTable {
  /** Page numbers in position order. */
  readonly pages: readonly number[];
  /** Positions prepared so far. */
  readonly length: number;
}

/** Gauges of the tree, in pages; `copied` only grows. */
export interface KvCounters {
  readonly total: number;
  readonly free: number;
  readonly used: number;
  readonly shared: number;
  readonly copied: number;
}

/** What the tree needs from whoever owns the bytes. */
export interface KvTreeOptions {
  /** Pages available. */
  readonly pages: number;
  /** Copies the content of page `from` over page `to`. */
  readonly copyPage: (from: number, to: number) => void;
  /** Zeroes a page handed out, so that nothing of its last owner is ever read. */
  readonly clearPage: (page: number) => void;
}

/** Operations on the tree; every one leaves it unchanged when it throws or returns false. */
export interface KvTree {
  /** An empty table. */
  create(): KvTable;
  /** A table that shares every page of `parent`; copies nothing. */
  fork(parent: KvTable): KvTable;
  /** Makes positions [from, to) writable by this table alone; false (and no change) when pages are lacking. */
  prepare(table: KvTable, from: number, to: number): boolean;
  /** Pages that `prepare` would have to take from the free list. */
  missing(table: KvTable, from: number, to: number): number;
  /** Forgets positions ≥ `length`. */
  truncate(table: KvTable, length: number): void;
  /** Gives every page of the table back; the table must not be used again. */
  release(table: KvTable): void;
  counters(): KvCounters;
}

interface MutableTable extends KvTable {
  pages: number[];
  length: number;
  released: boolean;
}

/** Free pages and how many tables hold each of the others. */
function createPages(count: number) {
  const references = new Uint32Array(count);
  const free = Array.from({ length: count }, (_, index) => count - 1 - index);
  return {
    references,
    free,
    /** Hands out a page, held once. */
    take(): number {
      const page = free.pop();
      if (page === undefined)
        throw new TrimtabError("INTERNAL", "a KV page was taken without being counted first");
      references[page] = 1;
      return page;
    },
    /** One table less holds the page. */
    drop(page: number): void {
      const left = (references[page] ?? 0) - 1;
      if (left < 0) throw new TrimtabError("INTERNAL", `KV page ${page} was released twice`);
      references[page] = left;
      if (left === 0) free.push(page);
    },
  };
}

/** Creates a tree over `options.pages` free pages. */
export function createKvTree(options: KvTreeOptions): KvTree {
  const { references, free, take, drop } = createPages(options.pages);
  let copied = 0;

  const missing = (table: KvTable, from: number, to: number): number => {
    let count = 0;
    for (let index = Math.floor(from / PAGE_TOKENS); index * PAGE_TOKENS < to; index++) {
      const page = table.pages[index];
      if (page === undefined || (references[page] ?? 0) > 1) count++;
    }
    return count;
  };

  return {
    create: () => ({ pages: [], length: 0, released: false }) satisfies MutableTable as KvTable,
    fork(parent) {
      const { pages, length } = alive(parent);
      for (const page of pages) references[page] = (references[page] ?? 0) + 1;
      return { pages: [...pages], length, released: false } satisfies MutableTable as KvTable;
    },
    missing,
    prepare(table, from, to) {
      const mine = alive(table);
      if (from > mine.length || to < from) {
        throw new TrimtabError(
          "INTERNAL",
          `positions ${from}…${to} do not follow ${mine.length} prepared ones`,
        );
      }
      if (missing(mine, from, to) > free.length) return false;
      for (let index = Math.floor(from / PAGE_TOKENS); index * PAGE_TOKENS < to; index++) {
        const old = mine.pages[index];
        if (old !== undefined && references[old] === 1) continue;
        const page = take();
        const start = index * PAGE_TOKENS;
        const keepsTokens = start < from || to < Math.min(mine.length, start + PAGE_TOKENS);
        if (old !== undefined && keepsTokens) {
          options.copyPage(old, page);
          copied++;
        } else {
          options.clearPage(page);
        }
        if (old !== undefined) drop(old);
        mine.pages[index] = page;
      }
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
    release(table) {
      const mine = alive(table);
      for (const page of mine.pages.splice(0)) drop(page);
      mine.released = true;
    },
    counters() {
      let shared = 0;
      for (const count of references) if (count > 1) shared++;
      return { total: options.pages, free: free.length, used: options.pages - free.length, shared, copied };
    },
  };
}

function alive(table: KvTable): MutableTable {
  const mine = table as MutableTable;
  if (mine.released) throw new TrimtabError("INTERNAL", "a released KV table was used");
  return mine;
}
