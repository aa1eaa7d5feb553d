/** An exported graph takes batches of texts of different lengths, padded on either side: each row says what it says alone. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { rmSync } from "node:fs";
import { readOnnxFiles } from "#kit/onnx-model.ts";
import { createRuntimeSession, floatTensor, integerTensor } from "#kit/onnx-runtime.ts";
import { prompt } from "../../support/forward-engine.ts";
import { exportSynthetic } from "../../support/onnx-folder.ts";
import { VOCABULARY } from "../../support/synthetic-model.ts";

setDefaultTimeout(120_000);
const LAYERS = 4;
const PADDING = 9;
const [long, short] = [prompt(30, 1), prompt(21, 2)];
const made = await exportSynthetic();
afterAll(() => rmSync(made.root, { recursive: true }));
const { graph, external } = readOnnxFiles(made.graphPath);
const session = await createRuntimeSession(graph, external);
afterAll(() => session.release());

/** Logits f32 [texts · tokens, vocabulary] of texts of one length; a mask of 0 is padding. */
async function run(texts: readonly (readonly number[])[], masks: readonly (readonly number[])[]) {
  const shape = [texts.length, texts[0]?.length ?? 0];
  const positions = masks.map((mask) => {
    let next = 0;
    return mask.map((counts) => (counts === 1 ? next++ : 0));
  });
  const past = floatTensor(new Float32Array(0), [texts.length, 2, 0, 32]);
  const pasts = Array.from({ length: LAYERS }, (_, layer) =>
    ["key", "value"].map((kind) => [`past_key_values.${layer}.${kind}`, past] as const),
  );
  const answers = await session.run({
    input_ids: integerTensor(texts.flat(), shape),
    attention_mask: integerTensor(masks.flat(), shape),
    position_ids: integerTensor(positions.flat(), shape),
    ...Object.fromEntries(pasts.flat()),
  });
  return answers["logits"]?.data as Float32Array;
}

const ones = (count: number): number[] => Array<number>(count).fill(1);
const zeros = (count: number): number[] => Array<number>(count).fill(0);

test.each(["left", "right"])("padding on the %s", async (side) => {
  const alone = await run([short], [ones(21)]);
  const isLeft = side === "left";
  const padded = isLeft ? [...zeros(PADDING), ...short] : [...short, ...zeros(PADDING)];
  const mask = isLeft ? [...zeros(PADDING), ...ones(21)] : [...ones(21), ...zeros(PADDING)];
  const both = await run([long, padded], [ones(30), mask]);
  const from = (30 + (isLeft ? PADDING : 0)) * VOCABULARY;
  const found = both.subarray(from, from + 21 * VOCABULARY);
  expect(found.length).toBe(alone.length);
  const largest = found.reduce((most, value, i) => Math.max(most, Math.abs(value - (alone[i] ?? 0))), 0);
  expect(largest).toBeLessThan(1e-4);
});
