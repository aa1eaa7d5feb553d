// Several problems at a time: order, how many at once, and what a failure stops.

import { expect, test } from "bun:test";
import { mapParallel } from "../../eval/src/parallel.ts";

test("results keep the order of the items, however long each takes and as many at once as allowed", async () => {
  let [running, most] = [0, 0];
  const results = await mapParallel([5, 1, 4, 2, 3], 2, async (ms, index) => {
    most = Math.max(most, ++running);
    await Bun.sleep(ms);
    running--;
    return `${index}:${ms}`;
  });
  expect(results).toEqual(["0:5", "1:1", "2:4", "3:2", "4:3"]);
  expect(most).toBe(2);
});

test("after a failure nothing begins, and what had begun is over when it is thrown", async () => {
  const begun: number[] = [];
  const over: number[] = [];
  const work = async (item: number) => {
    begun.push(item);
    if (item === 1) throw new Error("gone");
    await Bun.sleep(5);
    over.push(item);
  };
  await expect(mapParallel([0, 1, 2, 3, 4, 5], 3, work)).rejects.toThrow("gone");
  expect(begun).toEqual([0, 1, 2]);
  expect(over).toEqual([0, 2]);
  await Bun.sleep(20);
  expect(begun).toEqual([0, 1, 2]);
});
