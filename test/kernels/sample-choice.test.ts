// Greedy choice, mask, penalties, alternatives, noise, and rows that are not finite.

import { expect, test } from "bun:test";
import type { SampleRequest } from "#kernels";
import { createSetting, type Setting, VOCABULARY } from "./sample-setting.ts";

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

test("the noise is Philox 4x32-10: its published answer for zeros picks the id among 2^20 equal logits", async () => {
  const vocabulary = 2 ** 20;
  const { operators, request, bench } = await createSetting(vocabulary);
  new Float32Array(bench.memory.buffer, request.logits, vocabulary).fill(1);
  expect(operators.sample({ ...request, seed: 0n }).id).toBe(0x6627e8d5 >>> 12);
});

test("extreme temperatures act as their limits: only the largest logits, or all ids alike", async () => {
  const { sample, logits } = await createSetting();
  const largest = Math.max(...logits);
  for (const temperature of [1e-3, 1e-30, 1e-44]) {
    for (const filters of [{}, { topP: 0.9 }, { topK: 5 }, { minP: 0.1 }]) {
      const { id, finite } = sample({ temperature, position: 3, ...filters });
      expect([logits[id], finite]).toEqual([largest, true]);
    }
  }
  const ids = Array.from({ length: 400 }, (_, position) => sample({ temperature: 1e30, position }).id);
  expect(new Set(ids).size).toBeGreaterThan(280);
});

test("F17 a row with NaN, with +infinity or without any finite logit gives no token", async () => {
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
