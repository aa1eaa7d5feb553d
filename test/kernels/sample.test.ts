// Draws against exact probabilities under every filter.

import { expect, test } from "bun:test";
import type { SampleRequest } from "#kernels";
import { createSetting } from "./sample-setting.ts";

/** Probabilities by the definition: temperature, top-k, top-p of the rest, min-p, in that order. */
function distribution(logits: ArrayLike<number>, r: Partial<SampleRequest>): Map<number, number> {
  const { temperature = 1, topK = 0, topP = 1, minP = 0 } = r;
  const order = Array.from(logits, (z, id) => ({ id, z, e: 0 })).sort((a, b) => b.z - a.z || a.id - b.id);
  const top = order[0]?.z ?? 0;
  for (const entry of order) entry.e = Math.exp((entry.z - top) / temperature);
  let kept = topK > 0 ? order.slice(0, topK) : order;
  const target = topP * kept.reduce((sum, { e }) => sum + e, 0);
  if (topP < 1) {
    let sum = 0;
    kept = kept.filter(({ e }) => {
      const isKept = sum < target;
      sum += e;
      return isKept;
    });
  }
  kept = kept.filter(({ e }) => e >= minP);
  const total = kept.reduce((sum, { e }) => sum + e, 0);
  return new Map(kept.map(({ id, e }) => [id, e / total]));
}

const FILTERS: readonly Partial<SampleRequest>[] = [
  { temperature: 1 },
  { temperature: 0.3 },
  { temperature: 1.7, topK: 7 },
  { temperature: 1, topP: 0.31 },
  { temperature: 0.8, topK: 150, topP: 0.9 },
  { temperature: 2, topK: 900, topP: 0.97 },
  { temperature: 1, minP: 0.2 },
  { temperature: 1.1, topK: 40, topP: 0.95, minP: 0.05 },
];

for (const filters of FILTERS) {
  test(`draws follow the exact distribution under ${JSON.stringify(filters)} (4,000 positions of one stream)`, async () => {
    const { sample, logits } = await createSetting();
    const exact = distribution(logits, filters);
    const counts = new Map<number, number>();
    const draws = 4_000;
    for (let position = 0; position < draws; position++) {
      const { id } = sample({ ...filters, position });
      counts.set(id, (counts.get(id) ?? 0) + 1);
    }
    expect([...counts.keys()].filter((id) => !exact.has(id))).toEqual([]);
    // Chi-squared over the likely tokens and the rest; mean = cells - 1, deviation = sqrt(2·mean).
    const likely = [...exact].filter(([, p]) => p * draws >= 20);
    const cells = likely.map(([id, p]) => [counts.get(id) ?? 0, p * draws] as const);
    const restCount = draws - cells.reduce((sum, [got]) => sum + got, 0);
    const restExpected = draws - cells.reduce((sum, [, expected]) => sum + expected, 0);
    if (restExpected > 5) cells.push([restCount, restExpected]);
    const chi = cells.reduce((sum, [got, expected]) => sum + (got - expected) ** 2 / expected, 0);
    expect(chi).toBeLessThan(cells.length + 5 * Math.sqrt(2 * cells.length) + 5);
  });
}
