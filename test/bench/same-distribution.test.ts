/** The two-sample test of the bench says of samples whose distributions are known what they are. */
import { expect, test } from "bun:test";
import { createRandom } from "../../bench/src/random.ts";
import { compareDistributions } from "../../bench/src/tenants/same-distribution.ts";

const values = (seed: number, shift = 0) => {
  const random = createRandom(seed);
  return Array.from({ length: 200 }, () => random() + shift);
};

test("samples of one distribution are not told apart more often than chance says, shifted ones are", () => {
  const seeds = Array.from({ length: 100 }, (_, seed) => seed);
  const ps = seeds.map((seed) => compareDistributions(values(2 * seed), values(2 * seed + 1)).p);
  for (const level of [0.05, 0.2, 0.5]) {
    const share = ps.filter((p) => p < level).length / ps.length;
    expect(Math.abs(share - level)).toBeLessThan(0.15);
  }
  expect(compareDistributions(values(1), values(2, 0.2)).p).toBeLessThan(0.01);
  expect(compareDistributions([1, 2, 3], [1, 2, 3])).toEqual({ distance: 0, p: 1 });
  expect(compareDistributions([1, 2], [3, 4]).distance).toBe(1);
});
