/** The KV tree against a naive model that copies everything. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import type { KvTable, KvTree } from "../../../services/forward/src/engine/kv-tree.ts";
import { createKvTree } from "../../../services/forward/src/engine/kv-tree.ts";
import { seedOf } from "../../support/seed.ts";

const PAGE = 32;
const isFull = process.env.TRIMTAB_TEST_FULL === "1";

/** A tree over an array of "tokens", written through the tables. */
function createStore(pages: number) {
  const bytes = Array.from({ length: pages }, () => new Array<number>(PAGE).fill(-1));
  const tree = createKvTree({
    pages,
    copyPage: (from, to) => void (bytes[to] = [...(bytes[from] ?? [])]),
    clearPage: (page) => void bytes[page]?.fill(-1),
  });
  return {
    tree,
    write(table: KvTable, from: number, values: readonly number[]): boolean {
      if (!tree.prepare(table, from, from + values.length)) return false;
      for (const [index, value] of values.entries()) {
        const position = from + index;
        const page = bytes[table.pages[Math.floor(position / PAGE)] ?? -1];
        if (page) page[position % PAGE] = value;
      }
      return true;
    },
    read: (table: KvTable): number[] =>
      Array.from({ length: table.length }, (_, position) => {
        return bytes[table.pages[Math.floor(position / PAGE)] ?? -1]?.[position % PAGE] ?? -2;
      }),
  };
}

/** Keys of the full pages of some values: each names everything up to its end. */
const keysOf = (values: readonly number[]): string[] =>
  Array.from({ length: Math.floor(values.length / PAGE) }, (_, page) =>
    values.slice(0, (page + 1) * PAGE).join(),
  );

/** Publishes every full page of a table. */
function publish(tree: KvTree, table: KvTable, values: readonly number[]): void {
  const keys = keysOf(values);
  for (const [page, key] of keys.entries()) {
    const ids = values.slice(page * PAGE, (page + 1) * PAGE);
    tree.publish(table, page, key, keys[page - 1] ?? "", { ids, signatures: [] });
  }
}

const action = fc.oneof(
  fc.record({ kind: fc.constant("open" as const) }),
  fc.record({
    kind: fc.constant("write" as const),
    at: fc.nat(),
    back: fc.nat(40),
    count: fc.integer({ min: 1, max: 90 }),
  }),
  fc.record({ kind: fc.constant("fork" as const), at: fc.nat() }),
  fc.record({ kind: fc.constant("find" as const), at: fc.nat(), keep: fc.nat() }),
  fc.record({ kind: fc.constant("truncate" as const), at: fc.nat(), keep: fc.nat() }),
  fc.record({ kind: fc.constant("release" as const), at: fc.nat() }),
);

test("any sequence of operations reads like full copies, and pages balance", () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60, size: "max" }), fc.nat(3), (actions, alphabet) => {
      const store = createStore(24);
      const { tree } = store;
      const live: { table: KvTable; model: number[] }[] = [];
      const ever = new Map<string, number[]>();
      let stamp = 0;
      for (const step of actions) {
        if (step.kind === "open") live.push({ table: tree.create(), model: [] });
        if (step.kind === "open" || live.length === 0) continue;
        const index = step.at % live.length;
        const one = live[index];
        if (!one) continue;
        if (step.kind === "write") {
          const from = Math.max(0, one.model.length - step.back);
          // Few different values, so that tables often compute what another one has.
          const values = Array.from({ length: step.count }, () => (alphabet === 0 ? stamp++ : alphabet));
          const before = tree.counters();
          const missing = tree.missing(one.table, from, from + step.count);
          if (store.write(one.table, from, values)) {
            one.model.splice(from, values.length, ...values);
            publish(tree, one.table, one.model);
            for (const key of keysOf(one.model)) ever.set(key, [...one.model]);
          } else expect(missing).toBeGreaterThan(before.free);
        } else if (step.kind === "fork") {
          live.push({ table: tree.fork(one.table), model: [...one.model] });
        } else if (step.kind === "find") {
          const wanted = [...ever.values()][step.keep % Math.max(1, ever.size)] ?? [];
          const pages = keysOf(wanted).map((key) => tree.find(key));
          const found = pages.slice(0, (pages.indexOf(undefined) + 1 || pages.length + 1) - 1);
          const length = Math.min(found.length * PAGE, step.keep);
          const used = found.slice(0, Math.ceil(length / PAGE)).map(Number);
          live.push({ table: tree.create(), model: wanted.slice(0, length) });
          tree.attach(live.at(-1)?.table ?? one.table, 0, used, length);
        } else if (step.kind === "truncate") {
          const keep = step.keep % (one.model.length + 1);
          tree.truncate(one.table, keep);
          one.model.length = keep;
        } else {
          tree.release(one.table);
          live.splice(index, 1);
        }
        for (const { table, model } of live) expect(store.read(table)).toEqual(model);
        const used = new Set(live.flatMap(({ table }) => table.pages));
        expect(tree.counters()).toMatchObject({ used: used.size, free: 24 - used.size });
      }
      for (const { table } of live) tree.release(table);
      expect(tree.counters()).toMatchObject({ used: 0, free: 24, shared: 0 });
      const whole = tree.create();
      expect(tree.prepare(whole, 0, 24 * PAGE)).toBe(true);
      expect(tree.counters()).toMatchObject({ used: 24, free: 0, cached: 0 });
    }),
    { seed: seedOf(47), numRuns: isFull ? 3_000 : 200 },
  );
}, 120_000);

test("a fork of 4,096 tokens copies no page until it writes, then at most one", () => {
  const store = createStore(140);
  const parent = store.tree.create();
  store.write(parent, 0, [...new Array(4096).keys()]);
  const child = store.tree.fork(parent);
  expect(store.tree.counters().copied).toBe(0);
  store.write(child, 4095, [1, 2, 3]);
  expect(store.tree.counters().copied).toBe(1);
  expect(store.read(parent)[4095]).toBe(4095);
});

test("a write that lacks pages changes nothing", () => {
  const store = createStore(2);
  const table = store.tree.create();
  store.write(table, 0, [1, 2, 3]);
  const before = store.tree.counters();
  expect(store.write(table, 3, new Array(90).fill(7))).toBe(false);
  expect(store.tree.counters()).toEqual(before);
  expect(store.read(table)).toEqual([1, 2, 3]);
});

test("a released table cannot be used or released again", () => {
  const { tree } = createStore(4);
  const table = tree.create();
  tree.release(table);
  expect(() => tree.release(table)).toThrow("released");
  expect(() => tree.fork(table)).toThrow("released");
});
