// Held-out texts put in order by a vector: counts against a worked example.
import { expect, test } from "bun:test";
import { type BlockScores, carried } from "../../../eval/src/steering/extracted.ts";

const scores = (positive: number[], negative: number[]): BlockScores => ({ positive, negative });

test("pairs are counted at the middle block over both halves, AUROC there and over the middle third", () => {
  const same = scores([1, 1], [1, 1]);
  // Six blocks: the middle one is 3, the middle third 2 and 3.
  const half = (middle: BlockScores) =>
    new Map([0, 1, 2, 3, 4, 5].map((block) => [block, block === 3 ? middle : same]));
  const found = carried("x", [half(scores([2, 4], [1, 3])), half(scores([5, 0], [1, 2, 9]))], 6);
  // Pairs: 2 > 1, 4 > 3, 5 > 1, not 0 > 2.
  expect(found.pairs).toMatchObject({ rate: 0.75, n: 4 });
  // 3 of 4 in order in the first half, 2 of 6 in the second; elsewhere everything is equal, a half.
  expect(found.auroc).toBeCloseTo((3 / 4 + 2 / 6) / 2, 12);
  expect(found.aurocThird).toBeCloseTo((0.5 + (3 / 4 + 2 / 6) / 2) / 2, 12);
});
