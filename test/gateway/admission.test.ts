/** Admission on a clock of its own: who runs, who waits, who is told when to come again (row G32). */
import { expect, test } from "bun:test";
import { start } from "./support/admission-setting.ts";

test("requests run up to their number and tokens, the rest in order of arrival, a large one alone", async () => {
  const { clock, order, ask, leave } = start();
  ask("a", { tokens: 60 });
  ask("b", { tokens: 60 });
  ask("c", { tokens: 500 });
  await clock.settle();
  expect(order).toEqual(["a"]);
  await leave("a");
  expect(order).toEqual(["a", "b"]);
  await leave("b");
  expect(order).toEqual(["a", "b", "c"]);
});

test("priorities come first, and within one the key that got the fewest tokens", async () => {
  const { clock, order, ask, leave } = start({ running: 1 });
  ask("hog 1", { key: "hog", tokens: 50 });
  ask("hog 2", { key: "hog", tokens: 50 });
  ask("late", { key: "hog", band: "low" });
  ask("modest", { key: "modest" });
  ask("urgent", { key: "hog", band: "high" });
  await clock.settle();
  for (const name of ["hog 1", "urgent", "modest", "hog 2"])
    await leave(name, name.startsWith("hog") ? 50 : 10);
  expect(order).toEqual(["hog 1", "urgent", "modest", "hog 2", "late"]);
});

test("while somebody waits fewer run; who is in no hurry takes any free place", async () => {
  const { clock, order, ask, leave } = start({ running: 3, runningWhileOthersWait: 1 });
  for (const name of ["a", "b", "c", "waits"]) ask(name);
  ask("patient", { band: "low" });
  await clock.settle();
  await leave("a");
  await leave("b");
  expect(order).toEqual(["a", "b", "c"]);
  await leave("c");
  expect(order).toEqual(["a", "b", "c", "waits", "patient"]);
});

test("a full line refuses newcomers with a hint, and gives a place to a more important one", async () => {
  const { clock, order, ask } = start({ running: 1, waitingPerKey: 99 });
  for (let i = 0; i < 5; i++) ask(`${i}`, { band: i === 4 ? "low" : "normal" });
  ask("normal");
  ask("high", { band: "high" });
  await clock.settle();
  expect(order).toEqual(["0", "4 SERVICE_UNAVAILABLE 100", "normal SERVICE_UNAVAILABLE 100"]);
});

test("nobody waits longer than the longest wait or its own deadline, and who leaves is out", async () => {
  const { clock, admission, order, ask } = start({ running: 1 });
  const leaving = new AbortController();
  ask("runs");
  ask("short", { timeoutMs: 300 });
  ask("long");
  ask("leaves", { signal: leaving.signal });
  await clock.settle();
  leaving.abort();
  await clock.advance(299);
  expect(order).toEqual(["runs", "leaves CANCELLED undefined"]);
  await clock.advance(1);
  await clock.advance(700);
  expect(order.slice(2).map((line) => line.split(" ", 2).join(" "))).toEqual([
    "short SERVICE_UNAVAILABLE",
    "long SERVICE_UNAVAILABLE",
  ]);
  expect(admission.state.waiting).toEqual({ high: 0, normal: 0, low: 0 });
});

test("what cannot be served in time is refused on arrival, once the rate is known", async () => {
  const { clock, order, ask, leave } = start({ running: 1, waiting: 50, waitingPerKey: 50 });
  for (let i = 0; i < 4; i++) ask(`${i}`, { tokens: 100 });
  for (let i = 0; i < 3; i++) {
    await clock.advance(300);
    await leave(`${i}`);
  }
  // A hundred tokens take 300 ms: a wait of a second is three requests long.
  for (let i = 4; i < 12; i++) ask(`${i}`, { tokens: 100 });
  await clock.settle();
  const refused = order.filter((line) => line.includes("SERVICE_UNAVAILABLE"));
  expect(refused.length).toBeGreaterThanOrEqual(3);
  expect(refused.length).toBeLessThanOrEqual(5);
});

test("G32 a key at its rate is told when its tokens are there; unused ones come back, another key is untouched", async () => {
  const { clock, order, ask, leave } = start({ running: 50, runningTokens: 10_000 });
  const share = { tokensPerSecond: 10 };
  ask("burst", { tokens: 20, share });
  ask("more", { tokens: 10, share });
  ask("other", { key: "other", tokens: 10, share });
  await clock.settle();
  expect(order).toEqual(["burst", "more RATE_LIMITED 1000", "other"].toSorted(byArrival(order)));
  await leave("burst", 5);
  ask("after", { tokens: 10, share });
  await clock.settle();
  expect(order.at(-1)).toBe("after");
});

test("G32 a key has so many requests under way and no more, and a drain ends the waiting", async () => {
  const { clock, admission, order, ask } = start({ running: 1 });
  ask("one", { share: { concurrent: 2 } });
  ask("two", { share: { concurrent: 2 } });
  ask("three", { share: { concurrent: 2 } });
  await clock.settle();
  expect(order).toContain("three QUEUE_FULL 500");
  admission.drain();
  ask("four");
  await clock.settle();
  expect(order.filter((line) => line.includes("SERVICE_UNAVAILABLE"))).toHaveLength(2);
});

/** Promises of one turn settle in an order of their own. */
const byArrival = (order: readonly string[]) => (a: string, b: string) => order.indexOf(a) - order.indexOf(b);
