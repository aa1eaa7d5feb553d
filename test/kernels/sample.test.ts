// Sampling against exact probabilities: filters, penalties, mask, noise, log-probabilities, rows that are not finite.

import { expect, test } from "bun:test";
import type { Operators, SampleRequest } from "#kernels";
import { createCompute } from "#kernels";
import { type Bench, createBench, createRandom, kernelModule } from "./support.ts";

const SEED = 31;
const VOCABULARY = 1_003;

interface Setting {
  readonly bench: Bench;
  readonly operators: Operators;
  readonly logits: Float32Array;
  readonly request: SampleRequest;
  sample(change: Partial<SampleRequest>): ReturnType<Operators["sample"]>;
}

/** Logits with ties and a steep head; `sample` restores them first. */
async function createSetting(
  vocabulary = VOCABULARY,
  simd: "plain" | "relaxed" = "relaxed",
): Promise<Setting> {
  const random = createRandom(SEED);
  const bench = createBench(8 * 2 ** 20);
  const { pointer, view } = bench.floats(vocabulary);
  const logits = Float32Array.from(view, () => Math.round((random() + random() + random()) * 40) / 8);
  const { operators } = await createCompute({ module: kernelModule, memory: bench.memory, threads: 1, simd });
  const request: SampleRequest = {
    ...{ logits: pointer, vocabulary, temperature: 1, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1 },
    ...{
      frequencyPenalty: 0,
      presencePenalty: 0,
      history: 0,
      historyCount: 0,
      bias: 0,
      biasCount: 0,
      allowMask: 0,
    },
    ...{ seed: 1n, stream: 0n, position: 0, topLogprobs: 0 },
  };
  const sample = (change: Partial<SampleRequest>) => {
    view.set(logits);
    return operators.sample({ ...request, ...change });
  };
  return { bench, operators, logits, request, sample };
}

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
  test(`draws follow the exact distribution under ${JSON.stringify(filters)} (seeds 0 … 3999)`, async () => {
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

test("greedy takes the lowest id of the largest logits, in any vocabulary size and under a mask", async () => {
  for (const vocabulary of [1, 2, 3, 5, 257, VOCABULARY]) {
    const { sample, logits, bench } = await createSetting(vocabulary);
    const largest = Math.max(...logits);
    expect(sample({ temperature: 0 }).id).toBe(logits.indexOf(largest));
    const allowed = Array.from(logits, (_, id) => id % 3 === vocabulary % 3);
    if (!allowed.includes(true)) continue;
    const words = Array.from({ length: Math.ceil(vocabulary / 32) }, (_, w) =>
      allowed.slice(w * 32, w * 32 + 32).reduce((bits, isAllowed, i) => bits | (isAllowed ? 1 << i : 0), 0),
    );
    const masked = Array.from(logits, (z, id) => (allowed[id] ? z : Number.NEGATIVE_INFINITY));
    const allowMask = bench.ints(words);
    expect(sample({ temperature: 0, allowMask }).id).toBe(masked.indexOf(Math.max(...masked)));
    for (let position = 0; position < 50; position++) {
      expect(allowed[sample({ allowMask, position, topK: 9, topP: 0.9 }).id]).toBe(true);
    }
  }
});

test("penalties and bias change the choice, while log-probabilities stay those of the raw row", async () => {
  const { sample, logits, bench } = await createSetting();
  const raw = Math.log(logits.reduce((sum, z) => sum + Math.exp(z), 0));
  const history = bench.ints([5, 5, 9, -1, 5_000]);
  const bias = bench.bytes(16);
  const view = new DataView(bench.memory.buffer, bias, 16);
  view.setInt32(0, 9, true);
  view.setFloat32(4, 50, true);
  view.setInt32(8, 5, true);
  view.setFloat32(12, 51, true);
  const penalties = { history, historyCount: 5, bias, biasCount: 2, temperature: 0 };
  // 5 gets +51, 9 gets +50: a presence penalty moves both alike, a frequency penalty of 2 costs 5 two more than 9.
  const [five, nine] = [logits[5] ?? 0, logits[9] ?? 0];
  for (const [change, gap] of [
    [{ presencePenalty: 1 }, 1 + five - nine],
    [{ frequencyPenalty: 2 }, 1 - 2 + five - nine],
    [{ repetitionPenalty: 4 }, 1 + five / 4 - nine / 4],
  ] as const) {
    const { id, logprob } = sample({ ...penalties, ...change });
    expect(id).toBe(gap > 0 || (gap === 0 && true) ? 5 : 9);
    expect(logprob).toBeCloseTo((logits[id] ?? 0) - raw, 4);
  }
});

test("alternatives are the most likely ids in order, and logprobs agree with them and with f64", async () => {
  const { sample, logits, operators, request } = await createSetting();
  const { top } = sample({ topLogprobs: 20, temperature: 0.5 });
  const order = Array.from(logits, (z, id) => ({ id, z })).sort((a, b) => b.z - a.z || a.id - b.id);
  const raw = Math.log(logits.reduce((sum, z) => sum + Math.exp(z), 0));
  expect(top.map(({ id }) => id)).toEqual(order.slice(0, 20).map(({ id }) => id));
  top.forEach(({ logprob }, i) => expect(logprob).toBeCloseTo((order[i]?.z ?? 0) - raw, 5));
  const ids = [0, 77, VOCABULARY - 1];
  const values = operators.logprobs({ logits: request.logits, vocabulary: VOCABULARY, ids });
  ids.forEach((id, i) => expect(values[i]).toBeCloseTo((logits[id] ?? 0) - raw, 5));
});

test("noise depends on seed, stream and position alone, and both SIMD variants draw the same tokens", async () => {
  const [a, b] = [await createSetting(), await createSetting(VOCABULARY, "plain")];
  const draw = (s: Setting, change: Partial<SampleRequest>) =>
    Array.from({ length: 40 }, (_, position) => s.sample({ topP: 0.9, position, ...change }).id);
  expect(draw(a, {})).toEqual(draw(b, {}));
  const variants = [{}, { seed: 2n }, { seed: 1n << 40n }, { stream: 1n }, { stream: 1n << 63n }];
  expect(new Set(variants.map((change) => draw(a, change).join())).size).toBe(variants.length);
});

test("a row with NaN, with +infinity or without any finite logit gives no token", async () => {
  const { logits, operators, request, bench } = await createSetting();
  const row = new Float32Array(bench.memory.buffer, request.logits, VOCABULARY);
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
    for (const id of [0, 500, VOCABULARY - 1]) {
      row.set(logits);
      row[id] = value;
      expect(operators.sample(request).finite).toBe(false);
      expect(operators.logprobs({ logits: request.logits, vocabulary: VOCABULARY, ids: [3] })).toEqual([
        Number.NaN,
      ]);
    }
  }
  row.fill(Number.NEGATIVE_INFINITY);
  expect(operators.sample(request).finite).toBe(false);
  row[700] = -5;
  expect(operators.sample(request)).toMatchObject({ id: 700, logprob: 0, finite: true });
});
