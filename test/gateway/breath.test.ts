/** Tokens of one step go on one a turn of the event loop, in order; one alone does not wait. */
import { expect, test } from "bun:test";
import { createBreath } from "../../gateway/src/flow/breath.ts";

/** A loop turned by hand. */
function createLoop() {
  let due: (() => void)[] = [];
  return {
    nextTurn: (run: () => void) => void due.push(run),
    async turn(): Promise<void> {
      const now = due;
      due = [];
      for (const run of now) run();
      await Promise.resolve();
      await Promise.resolve();
    },
    isIdle: () => due.length === 0,
  };
}

test("one that comes alone goes on at once; of many, one a turn, first come, first served", async () => {
  const loop = createLoop();
  const breathe = createBreath(loop.nextTurn);
  const order: string[] = [];
  expect(breathe()).toBeUndefined();
  for (const name of ["b", "c", "d"]) void breathe()?.then(() => order.push(name));
  for (const expected of [["b"], ["b", "c"], ["b", "c", "d"]]) {
    await loop.turn();
    expect(order).toEqual(expected);
  }
});

test("who comes while others wait is behind them, whoever has just had a turn", async () => {
  const loop = createLoop();
  const breathe = createBreath(loop.nextTurn);
  const order: string[] = [];
  const goOn = async (name: string, times: number): Promise<void> => {
    for (let i = 0; i < times; i++) {
      await breathe();
      order.push(name);
    }
  };
  void goOn("a", 3);
  void goOn("b", 2);
  await Promise.resolve();
  for (let i = 0; i < 8; i++) await loop.turn();
  expect(order).toEqual(["a", "b", "a", "b", "a"]);
});

test("when nobody waits the loop is left alone, and the next one does not wait again", async () => {
  const loop = createLoop();
  const breathe = createBreath(loop.nextTurn);
  breathe();
  void breathe();
  for (let i = 0; i < 3; i++) await loop.turn();
  expect(loop.isIdle()).toBe(true);
  expect(breathe()).toBeUndefined();
});

test("sockets and timers have their turn between two who wait", async () => {
  const breathe = createBreath();
  const order: string[] = [];
  breathe();
  const waiting = ["a", "b", "c"].map((name) => breathe()?.then(() => order.push(name)));
  setImmediate(() => order.push("other"));
  await Promise.all(waiting);
  expect(order.indexOf("other")).toBeLessThan(order.indexOf("c"));
});
