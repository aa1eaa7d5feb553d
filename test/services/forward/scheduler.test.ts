/** Promises of the scheduler, over random schedules. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { createScheduler } from "../../../services/forward/src/engine/scheduler.ts";
import { seedOf } from "../../support/seed.ts";

const schedule = fc.record({
  rowBudget: fc.integer({ min: 1, max: 40 }),
  prefillRows: fc.integer({ min: 1, max: 40 }),
  arrivals: fc.array(
    fc.record({
      rows: fc.integer({ min: 1, max: 100 }),
      after: fc.nat(5),
      key: fc.constantFrom("a", "b", "c"),
    }),
    { minLength: 1, maxLength: 30 },
  ),
});

test("no step exceeds its budget, none is empty while work waits, everything finishes", () => {
  fc.assert(
    fc.property(schedule, ({ rowBudget, prefillRows, arrivals }) => {
      const scheduler = createScheduler<number>({ rowBudget, prefillRows });
      const pending = new Map<number, number>();
      const waiting = [...arrivals.entries()];
      let total = arrivals.reduce((sum, { rows }) => sum + rows, 0);
      for (let step = 0; total > 0; step++) {
        for (
          let next = waiting[0];
          next && (next[1].after <= step || pending.size === 0);
          next = waiting[0]
        ) {
          waiting.shift();
          pending.set(next[0], next[1].rows);
          scheduler.set(next[0], next[1].rows, next[1].key);
        }
        const slices = scheduler.next();
        const rows = slices.reduce((sum, slice) => sum + slice.rows, 0);
        expect(rows).toBeGreaterThan(0);
        expect(rows).toBeLessThanOrEqual(rowBudget);
        expect(new Set(slices.map(({ id }) => id)).size).toBe(slices.length);
        for (const { id, rows: taken } of slices) {
          const left = (pending.get(id) ?? 0) - taken;
          expect(left).toBeGreaterThanOrEqual(0);
          scheduler.set(id, left, arrivals[id]?.key ?? "");
          if (left === 0) pending.delete(id);
          else pending.set(id, left);
        }
        total -= rows;
      }
      expect(scheduler.size).toBe(0);
    }),
    { seed: seedOf(61) },
  );
});

test("prefill of one key is served in arrival order", () => {
  const scheduler = createScheduler<string>({ rowBudget: 10, prefillRows: 10 });
  scheduler.set("a", 25, "key");
  scheduler.set("b", 5, "key");
  expect(scheduler.next()).toEqual([{ id: "a", rows: 10 }]);
  scheduler.set("a", 5, "key");
  expect(scheduler.next()).toEqual([
    { id: "a", rows: 5 },
    { id: "b", rows: 5 },
  ]);
});

test("a long prompt cannot stall those who decode", () => {
  const scheduler = createScheduler<string>({ rowBudget: 64, prefillRows: 16 });
  scheduler.set("decoding", 1, "key");
  scheduler.set("long", 5000, "key");
  const slices = scheduler.next();
  expect(slices).toEqual([
    { id: "decoding", rows: 1 },
    { id: "long", rows: 16 },
  ]);
});

test("more decoders than rows take turns, and prefill still moves", () => {
  const scheduler = createScheduler<number>({ rowBudget: 4, prefillRows: 4 });
  for (let id = 0; id < 9; id++) scheduler.set(id, 1, "key");
  scheduler.set(99, 1000, "key");
  const served = new Map<number, number>();
  for (let step = 0; step < 30; step++) {
    for (const { id, rows } of scheduler.next()) served.set(id, (served.get(id) ?? 0) + rows);
  }
  for (let id = 0; id < 9; id++) expect(served.get(id)).toBe(10);
  expect(served.get(99)).toBeGreaterThanOrEqual(30);
});

test("parked and dropped sequences get no rows", () => {
  const scheduler = createScheduler<string>({ rowBudget: 8, prefillRows: 8 });
  scheduler.set("parked", 1, "key");
  scheduler.set("dropped", 7, "key");
  scheduler.park("parked");
  scheduler.drop("dropped");
  expect(scheduler.next()).toEqual([]);
  scheduler.unpark("parked");
  expect(scheduler.next()).toEqual([{ id: "parked", rows: 1 }]);
});

test("stalled sequences get no rows until they are resumed, parked or not", () => {
  const scheduler = createScheduler<string>({ rowBudget: 8, prefillRows: 8 });
  scheduler.set("stalled", 7, "key");
  scheduler.stall("stalled");
  scheduler.park("stalled");
  scheduler.unpark("stalled");
  expect(scheduler.next()).toEqual([]);
  scheduler.resume("stalled");
  expect(scheduler.next()).toEqual([{ id: "stalled", rows: 7 }]);
});
