/** What was used last stays; what makes room is told. */
import { expect, test } from "bun:test";
import { createLru } from "#kit/lru.ts";

test("the entry that was not used for longest makes room, and one that is set anew costs no other", () => {
  const dropped: number[] = [];
  const cache = createLru<number>(2, (value) => void dropped.push(value));
  cache.set("a", 1);
  cache.set("b", 2);
  expect(cache.get("a")).toBe(1);
  cache.set("a", 3);
  expect([dropped, cache.get("b")]).toEqual([[], 2]);
  cache.set("c", 4);
  expect([dropped, cache.values()]).toEqual([[3], [2, 4]]);
  cache.clear();
  expect(cache.get("b")).toBeUndefined();
});
