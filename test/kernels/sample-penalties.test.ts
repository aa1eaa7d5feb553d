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
    // More tokens than the table has entries: it holds each id once.
    [600_000, 599_500],
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

test("a draw under biases is that of a row that held them already, and the row can be put back", async () => {
  const { sample, operators, logits, bench, request } = await createSetting();
  const view = new Float32Array(bench.memory.buffer, request.logits, VOCABULARY);
  const largest = logits.indexOf(Math.max(...logits));
  for (const biases of [
    [
      [7, -100],
      [600, 3],
    ],
    [
      [1_002, 5],
      [1_001, -1],
    ],
    [
      [largest, -2],
      [9, 1],
    ],
    [
      [4, 1],
      [260, 1],
      [520, 1],
      [780, 1],
      [1_000, 1],
    ],
  ] as const) {
    const pairs = bench.bytes(biases.length * 8);
    const bytes = new DataView(bench.memory.buffer, pairs, biases.length * 8);
    const adjusted = Float32Array.from(logits);
    for (const [index, [id, bias]] of biases.entries()) {
      bytes.setInt32(index * 8, id, true);
      bytes.setFloat32(index * 8 + 4, bias, true);
      adjusted[id] = (adjusted[id] ?? 0) + bias;
    }
    for (let position = 0; position < 400; position++) {
      const given = { bias: pairs, biasCount: biases.length, position };
      const drawn = sample(given);
      operators.restoreLogits({ ...request, ...given });
      expect(Float32Array.from(view)).toEqual(Float32Array.from(logits));
      view.set(adjusted);
      expect(drawn.id).toBe(operators.sample({ ...request, position }).id);
    }
  }
});
