// Penalties and biases against the formula, over histories with repeats.

import { expect, test } from "bun:test";
import { createSetting, VOCABULARY } from "./sample-setting.ts";
import { createRandom } from "./support.ts";

const SEED = 404;

test(`every logit becomes what the penalties and biases say, none else changes, raw log-probabilities stay (seed ${SEED})`, async () => {
  const { sample, logits, bench, request } = await createSetting();
  const random = createRandom(SEED);
  const anyId = () => Math.floor(((random() + 1) / 2) * VOCABULARY);
  const normalizer = Math.log(logits.reduce((sum, z) => sum + Math.exp(z), 0));
  for (const [tokens, answerStart] of [
    [1, 0],
    [37, 37],
    [700, 200],
    [5_000, 4_000],
  ] as const) {
    const history = Array.from({ length: tokens }, anyId);
    const biases = Array.from({ length: 30 }, () => [anyId(), Math.fround(4 * random())] as const);
    const pairs = bench.bytes(biases.length * 8);
    const view = new DataView(bench.memory.buffer, pairs, biases.length * 8);
    for (const [index, [id, bias]] of biases.entries()) {
      view.setInt32(index * 8, id, true);
      view.setFloat32(index * 8 + 4, bias, true);
    }
    const penalties = { repetitionPenalty: 1.3, frequencyPenalty: 0.25, presencePenalty: -0.5 };
    const given = { history: bench.ints(history), historyCount: tokens, answerStart };
    const { id, logprob } = sample({ ...penalties, ...given, bias: pairs, biasCount: biases.length });
    const expected = Float32Array.from(logits, (z, token) => {
      if (!history.includes(token)) return z;
      const scaled = z > 0 ? z / 1.3 : z * 1.3;
      const times = history.slice(answerStart).filter((one) => one === token).length;
      return times > 0 ? scaled - 0.25 * times + 0.5 : scaled;
    });
    for (const [token, bias] of biases) expected[token] = (expected[token] ?? 0) + bias;
    expect(new Float32Array(bench.memory.buffer, request.logits, VOCABULARY)).toEqual(expected);
    expect(logprob).toBeCloseTo((logits[id] ?? 0) - normalizer, 4);
  }
});
