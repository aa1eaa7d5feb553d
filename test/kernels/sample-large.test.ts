// A vocabulary so large that most of it lies in one bin, filtered and penalized at once.

import { expect, test } from "bun:test";
import { createSetting } from "./sample-setting.ts";

const VOCABULARY = 151_936;
const FAVOURITE = 7;

test("a filter that sorts most of a large vocabulary leaves the penalties' raw logits alone", async () => {
  const { sample, operators, logits, bench, request } = await createSetting(VOCABULARY);
  logits.fill(0);
  logits[FAVOURITE] = 20;
  const pairs = bench.bytes(8);
  const view = new DataView(bench.memory.buffer, pairs, 8);
  view.setInt32(0, FAVOURITE, true);
  view.setFloat32(4, 1, true);
  const biased = { topK: 40, bias: pairs, biasCount: 1 };
  const { id, logprob } = sample(biased);
  expect(id).toBe(FAVOURITE);
  expect(logprob).toBeCloseTo(-Math.log(1 + (VOCABULARY - 1) * Math.exp(-20)), 4);
  operators.restoreLogits({ ...request, ...biased });
  const row = new Float32Array(bench.memory.buffer, request.logits, VOCABULARY);
  expect(Float32Array.from(row)).toEqual(Float32Array.from(logits));
});
