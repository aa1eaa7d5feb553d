// Lists and moves as people and models write them: numbers of lists and words of prose are neither entries nor moves.

import { expect, test } from "bun:test";
import { judgeTexts } from "./service.ts";

const sorted = (items: readonly (number | string)[], ...texts: string[]) =>
  judgeTexts("sorted", { items: [...items] }, texts);

test("a list may be numbered, have bullets, or one entry a line", async () => {
  const verdicts = await sorted(
    [5, 3, 8],
    "1. 3\n2. 5\n3. 8",
    "Here are the 3 numbers in order:\n\n1) **3**\n2) **5**\n3) **8**\n\nThat took 2 steps.",
    "- 3\n- 5\n- 8",
    "3\n5\n8",
    "Step 1: 3, 5, 8",
    "1. 3\n2. 8\n3. 5",
    "1. 3\n2. 5",
    "1. 3\n3. 5\n4. 8",
  );
  expect(verdicts).toEqual([
    ...Array<string>(5).fill("1 sorted"),
    "0 wrong_order",
    ...Array<string>(2).fill("0 wrong_items"),
  ]);
});

test("the numbers of a list are no items, though there are as many entries in a line", async () => {
  expect(await sorted([5, 3], "1. 3\n2. 5", "1. 5\n2. 3", "2. 5")).toEqual([
    "1 sorted",
    "0 wrong_order",
    "0 wrong_items",
  ]);
  expect(await sorted([1, 2, 3], "1. 1\n2. 2\n3. 3", "3. 2. 1.", "1. 2. 3.")).toEqual([
    "1 sorted",
    "0 wrong_order",
    "1 sorted",
  ]);
  expect(await sorted([-5, -3, 8], "-5\n-3\n8", "- -5\n- -3\n- 8", "5\n3\n8")).toEqual([
    "1 sorted",
    "1 sorted",
    "0 wrong_items",
  ]);
});

test("words of a list are told from those before it", async () => {
  const verdicts = await sorted(
    ["pear", "fig"],
    "Sorted by name: fig, pear",
    "Here is the list:\n1. Fig\n2. Pear",
    "* fig\n* pear\n\nAll of them are in order.",
    "fig, pear, and more",
  );
  expect(verdicts).toEqual(["1 sorted", "1 sorted", "1 sorted", "0 wrong_items"]);
});

test("moves are the last run of them; words of prose are none", async () => {
  const grid = ["S.#", "#.G"];
  const verdicts = await judgeTexts("maze_path", { grid }, [
    "Right, down, right. That's right!",
    "The right path is: RDR",
    "1. Right\n2. Down\n3. Right",
    "First go right, then down, and finally right to the goal.",
    "Up and down I looked; then: right → down → right",
    "R (right), D (down), R (right)",
    "Step 1: move right one cell. Step 2: move down. Step 3: move right.",
    "right, right is a wall. right, down, right",
    "You are right, this is no way to give up.",
    "It is not right.",
  ]);
  expect(verdicts).toEqual([...Array<string>(8).fill("1 arrives"), "0 blocked", "0 elsewhere"]);
});
