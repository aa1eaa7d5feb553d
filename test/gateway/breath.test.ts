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
  for (const name of ["a", "b", "c", "d"]) breathe(() => order.push(name));
  expect(order).toEqual(["a"]);
  for (const expected of [
    ["a", "b"],
    ["a", "b", "c"],
    ["a", "b", "c", "d"],
  ]) {
    await loop.turn();
    expect(order).toEqual(expected);
  }
});

test("who comes while others wait is behind them, whoever has just had a turn", async () => {
  const loop = createLoop();
  const breathe = createBreath(loop.nextTurn);
  const order: string[] = [];
  const goOn = (name: string, times: number): void =>
    breathe(() => {
      order.push(name);
      if (times > 1) goOn(name, times - 1);
    });
  goOn("a", 3);
  goOn("b", 2);
  for (let i = 0; i < 8; i++) await loop.turn();
  expect(order).toEqual(["a", "a", "b", "a", "b"]);
});

test("when nobody waits the loop is left alone, and the next one does not wait again", async () => {
  const loop = createLoop();
  const breathe = createBreath(loop.nextTurn);
  let ran = 0;
  breathe(() => ran++);
  breathe(() => ran++);
  for (let i = 0; i < 3; i++) await loop.turn();
  expect(loop.isIdle()).toBe(true);
  breathe(() => ran++);
  expect(ran).toBe(3);
});

test("sockets and timers have their turn between two who wait", async () => {
  const breathe = createBreath();
  const order: string[] = [];
  breathe(() => undefined);
  for (const name of ["a", "b"]) breathe(() => order.push(name));
  const last = new Promise<void>((resolve) =>
    breathe(() => {
      order.push("c");
      resolve();
    }),
  );
  setImmediate(() => order.push("other"));
  await last;
  expect(order.indexOf("other")).toBeLessThan(order.indexOf("c"));
});
