/** What is said of a steered proposal equals its closed form on searches made by hand. */
import { expect, test } from "bun:test";
import { TrimtabError } from "#kit/errors.ts";
import { GREETING, storeDirection } from "../../eval/src/proposal/sample.ts";
import { distanceByChance, estimateOf, type Proposed } from "../../eval/src/proposal/estimate.ts";

const LAW = new Map([
  ["oui", 0.75],
  ["non", 0.25],
]);
const search = (chosen: string, weights: readonly number[], size: number): Proposed => ({
  ...{ chosen, texts: ["oui", "non", "hello"], weights, effectiveSampleSize: size },
  ...{ tokensGenerated: 6, tokensVerified: 4 },
});
const SEARCHES = [
  search("oui", [1, 0, 0], 1),
  search("non", [0.5, 0.5, 0], 2),
  search("hello", [0, 0, 1], 1),
];

test("shares, variance between searches, bias and tokens are counted over those that met the condition", () => {
  const estimate = estimateOf(SEARCHES, LAW);
  expect(estimate).toMatchObject({ n: 3, wanted: 2 / 3, effectiveSampleSize: 1.5, tokensPerWanted: 15 });
  // Of "oui" 1 and .5, of "non" 0 and .5: variance .125 each, means .75 and .25 as in the law.
  expect(estimate.variance).toBeCloseTo(0.125, 12);
  expect(estimate.bias).toBeCloseTo(0, 12);
  // Chosen half and half.
  expect(estimate.farChosen).toBeCloseTo(0.25, 12);
});

test("the distance by chance is the mean over all draws, counted one by one", () => {
  // Of one draw always one of the two: half of |1 - p| + |0 - (1 - p)|.
  expect(distanceByChance([0.75, 0.25], 1)).toBeCloseTo(0.75 * 0.25 + 0.25 * 0.75, 12);
  const law = [0.5, 0.3, 0.2];
  let expected = 0;
  for (const a of law.keys())
    for (const b of law.keys())
      for (const c of law.keys())
        expected +=
          (law[a]! *
            law[b]! *
            law[c]! *
            law.reduce((sum, p, i) => sum + Math.abs([a, b, c].filter((x) => x === i).length / 3 - p), 0)) /
          2;
  expect(distanceByChance(law, 3)).toBeCloseTo(expected, 12);
  expect(distanceByChance(law, 3_000)).toBeLessThan(0.02);
});

test("a search without any wanted answer costs tokens and says nothing of the law", () => {
  const more = estimateOf([...SEARCHES, search("hello", [0, 0, 1], 1)], LAW);
  expect(more.tokensPerWanted).toBe(20);
  expect(more.bias).toBe(estimateOf(SEARCHES, LAW).bias);
});

test("a direction of an earlier version under the same name gives way, and samples are told apart by its digest", async () => {
  const stored = new Map([["of-texts", "old"]]);
  const gateway = {
    deleteArtifact: ({ name }: { name: string }) =>
      stored.delete(name)
        ? Promise.resolve({})
        : Promise.reject(new TrimtabError("ARTIFACT_NOT_FOUND", "there is none")),
    extractVector: ({ name }: { name: string }) => {
      if (stored.has(name)) return Promise.reject(new TrimtabError("ARTIFACT_EXISTS", "taken"));
      stored.set(name, "new");
      return Promise.resolve({ artifact: { digest: "new" } });
    },
  };
  const services = { gateway } as unknown as Parameters<typeof storeDirection>[0];
  expect(await storeDirection(services, GREETING, "of-texts", "")).toBe("new");
  stored.clear();
  expect(await storeDirection(services, GREETING, "of-texts", "")).toBe("new");
});
