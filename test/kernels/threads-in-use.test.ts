// How many of the started threads work.

import { expect, test } from "bun:test";
import { idleShare } from "../support/idle.ts";
import { createCounter } from "./support.ts";

const MOST_IDLE_SHARE = 0.15;

test("threads out of use take no chunk and no processor time, and work again when asked", async () => {
  const { operators, close, addOne, holds } = await createCounter({ threads: 3 });
  let regions = 0;
  for (const count of [1, 3, 2, 1, 3]) {
    operators.useThreads(count);
    expect(operators.threads).toBe(count);
    for (let i = 0; i < 50; i++, regions++) addOne();
  }
  expect(holds(regions)).toBe(true);
  expect(() => operators.useThreads(4)).toThrow("1 to 3");
  operators.useThreads(1);
  expect(await idleShare(MOST_IDLE_SHARE)).toBeLessThan(MOST_IDLE_SHARE);
  await close();
});
