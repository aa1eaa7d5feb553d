/**
 * The KV tree over a long life against a naive model that copies everything: thousands of random forks, appends,
 * rewrites, truncations, releases, cache hits and evictions on one tree; no page is ever lost, and every table reads like
 * its copy.
 */
import { expect, test } from "bun:test";
import type { KvTable } from "../../../services/forward/src/engine/kv-tree.ts";
import { createKvTree } from "../../../services/forward/src/engine/kv-tree.ts";
import { seedOf } from "../../support/seed.ts";

const PAGE = 32;
const PAGES = 48;
const STEPS = process.env.TRIMTAB_TEST_FULL === "1" ? 100_000 : 8_000;
const MAX_TABLES = 12;
const SEED = seedOf(31);

interface Live {
  readonly table: KvTable;
  readonly copy: number[];
}

/** Numbers below a bound, from a linear congruential generator. */
function createBelow(seed: number): (bound: number) => number {
  let state = seed >>> 0;
  return (bound) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
}

const bytes = Array.from({ length: PAGES }, () => new Int32Array(PAGE));
const tree = createKvTree({
  pages: PAGES,
  copyPage: (from, to) => bytes[to]?.set(bytes[from] ?? []),
  clearPage: (page) => void bytes[page]?.fill(-1),
  pageCost: (depth) => 1 + depth / 8,
});
const below = createBelow(SEED);
let live: Live[] = [];
const known: number[][] = [];
const done = { wrote: 0, lacked: 0, forked: 0, found: 0, begun: 0, truncated: 0, released: 0 };

const keyOf = (copy: readonly number[], page: number) => copy.slice(0, (page + 1) * PAGE).join();
const textOf = (copy: readonly number[], page: number) => ({
  ids: copy.slice(page * PAGE, (page + 1) * PAGE),
  signatures: [],
});

function write({ table, copy }: Live): void {
  const from = Math.max(0, copy.length - below(3) * below(40));
  // Few different texts: tables often compute what another one has, and meet its pages.
  const values = Array.from({ length: 1 + below(70) }, (_, index) => (from + index) % (1 + below(2)));
  const missing = tree.missing(table, from, from + values.length);
  const { free } = tree;
  const isDone = tree.prepare(table, from, from + values.length);
  expect(isDone).toBe(missing <= free);
  if (!isDone) return void done.lacked++;
  done.wrote++;
  for (const [index, value] of values.entries()) {
    const position = from + index;
    bytes[table.pages[Math.floor(position / PAGE)] ?? -1]![position % PAGE] = value;
    copy[position] = value;
  }
  for (let page = 0; (page + 1) * PAGE <= copy.length; page++) {
    tree.publish(table, page, keyOf(copy, page), keyOf(copy, page - 1), textOf(copy, page));
  }
  known[below(20)] = [...copy];
}

/** A table over as much of an earlier text, perhaps with another end, as is still cached. */
function reopen(): void {
  const wanted = (known[below(20)] ?? []).map((value, at, { length }) =>
    below(2) === 0 || at < length - PAGE ? value : 1 - value,
  );
  const found: number[] = [];
  for (let page = 0; (page + 1) * PAGE <= wanted.length; page++) {
    const number = tree.find(keyOf(wanted, page));
    if (number === undefined) break;
    found.push(number);
  }
  const full = found.length;
  const beginning = tree.findBeginning(keyOf(wanted, full - 1), textOf(wanted, full));
  if (beginning) {
    found.push(beginning.page);
    done.begun++;
  }
  const length = Math.max(0, full * PAGE + (beginning?.tokens ?? -below(PAGE)));
  const table = tree.create();
  tree.attach(table, 0, found.slice(0, Math.ceil(length / PAGE)), length);
  live.push({ table, copy: wanted.slice(0, length) });
  if (length > 0) done.found++;
}

function step(): void {
  const one = live[below(live.length)];
  const choice = below(12);
  if (!one || (choice === 0 && live.length < MAX_TABLES)) return reopen();
  if (choice <= 6) return write(one);
  if (choice === 7 && live.length < MAX_TABLES) {
    done.forked++;
    return void live.push({ table: tree.fork(one.table), copy: [...one.copy] });
  }
  if (choice === 8) {
    done.truncated++;
    one.copy.length = below(one.copy.length + 1);
    return tree.truncate(one.table, one.copy.length);
  }
  if (choice < 11) return;
  done.released++;
  tree.release(one.table);
  live = live.filter((other) => other !== one);
}

function readsLikeItsCopy({ table, copy }: Live): boolean {
  return copy.every((value, at) => bytes[table.pages[Math.floor(at / PAGE)] ?? -1]?.[at % PAGE] === value);
}

test(`${STEPS} random steps lose no page and mix no texts (seed ${SEED})`, () => {
  for (let count = 0; count < STEPS; count++) {
    step();
    const held = new Set(live.flatMap(({ table }) => table.pages));
    const { used, free, cached } = tree.counters();
    expect([used, free]).toEqual([held.size, PAGES - held.size]);
    expect(cached).toBeLessThanOrEqual(free);
    if (!live.every(readsLikeItsCopy)) throw new Error(`a table reads wrongly after step ${count}`);
  }
  // Every way of the tree was gone, often.
  for (const times of Object.values(done)) expect(times).toBeGreaterThan(STEPS / 400);
  expect(tree.counters().evicted).toBeGreaterThan(STEPS / 400);
  for (const { table } of live) tree.release(table);
  expect(tree.counters()).toMatchObject({ used: 0, free: PAGES, shared: 0 });
});
