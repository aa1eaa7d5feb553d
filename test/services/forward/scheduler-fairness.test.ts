// Fairness: the rows of a step are shared by keys, whatever they ask for.
import { expect, test } from "bun:test";
import { createScheduler } from "../../../services/forward/src/engine/scheduler.ts";

/** Rows each key was given in so many steps, when every sequence keeps asking for `pending` rows. */
function servedIn(
  steps: number,
  scheduler: ReturnType<typeof createScheduler<string>>,
  asking: readonly (readonly [id: string, pending: number])[],
): Record<string, number> {
  const served: Record<string, number> = {};
  for (let step = 0; step < steps; step++) {
    for (const [id, pending] of asking) scheduler.set(id, pending, id.charAt(0));
    for (const { id, rows } of scheduler.next()) {
      served[id.charAt(0)] = (served[id.charAt(0)] ?? 0) + rows;
    }
  }
  return served;
}

test("a key with twenty long prompts gets no more prefill than a key with one", () => {
  const scheduler = createScheduler<string>({ rowBudget: 64, prefillRows: 64 });
  const many = Array.from({ length: 20 }, (_, index) => [`a${index}`, 500] as const);
  const served = servedIn(100, scheduler, [...many, ["b", 500]]);
  expect(Math.abs((served["a"] ?? 0) - (served["b"] ?? 0))).toBeLessThanOrEqual(64);
});

test("a key that decodes in every row shares the rows with a key that decodes once, and waits with its prompts", () => {
  const scheduler = createScheduler<string>({ rowBudget: 8, prefillRows: 8 });
  const many = Array.from({ length: 20 }, (_, index) => [`a${index}`, 1] as const);
  const served = servedIn(100, scheduler, [...many, ["a-long", 500], ["b", 1], ["c-long", 500]]);
  expect(served["b"]).toBe(100);
  // Of eight rows a step one is kept for prefill: it goes to the key that decodes nothing.
  expect(served["c"]).toBe(100);
});

test("a key that asked for nothing has saved nothing up, and one that had much is not forgotten", () => {
  const scheduler = createScheduler<string>({ rowBudget: 16, prefillRows: 16 });
  servedIn(50, scheduler, [["a", 500]]);
  const together = servedIn(50, scheduler, [
    ["a", 500],
    ["b", 500],
  ]);
  expect(Math.abs((together["a"] ?? 0) - (together["b"] ?? 0))).toBeLessThanOrEqual(16);
  const alone = createScheduler<string>({ rowBudget: 16, prefillRows: 16 });
  servedIn(1, alone, [
    ["a", 500],
    ["b", 500],
  ]);
  alone.drop("a");
  expect(
    servedIn(3, alone, [
      ["a", 500],
      ["b", 500],
    ]),
  ).toEqual({ a: 16, b: 32 });
});

test("rows that were not computed after all are given back to their key", () => {
  const scheduler = createScheduler<string>({ rowBudget: 10, prefillRows: 10 });
  scheduler.set("a", 100, "a");
  scheduler.set("b", 100, "b");
  expect(scheduler.next()).toEqual([{ id: "a", rows: 10 }]);
  scheduler.charge("a", -10);
  expect(scheduler.next()).toEqual([{ id: "a", rows: 10 }]);
  expect(scheduler.next()).toEqual([{ id: "b", rows: 10 }]);
});
