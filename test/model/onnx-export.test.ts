/**
 * Exported ONNX graphs under another runtime say what the model says: tiny files of every family against llama.cpp, and
 * the default model, quantized as in its file, against an f32 forward pass and against our engine.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { defaultModelPath } from "#kit/paths.ts";
import { createEngine } from "../../services/forward/index.ts";
import { createOracle } from "../oracle/llama.ts";
import { lookInside } from "../oracle/llama-watch.ts";
import { referenceRows } from "../oracle/reference-rows.ts";
import {
  type FamilyModel,
  familyModels,
  VOCABULARY,
  WIDTH,
  writeFamilyModel,
} from "../support/family-models.ts";
import { nmse } from "../support/nmse.ts";
import { loadExported, runInTwoParts } from "../support/onnx-decoder.ts";
import { createRandom } from "../support/synthetic-model.ts";
import { distributionAfter, divergence, logSoftmax } from "./distributions.ts";
import { makePrompts } from "./prompts.ts";

setDefaultTimeout(120_000);
const SEED = 17;
/** Over gemma's window of 40, the original context of phi3, and a past of more than one page. */
const TOKENS = 160;
const LARGEST_ERROR = 1e-6;
const random = createRandom(SEED);
const ids = Array.from({ length: TOKENS }, () => Math.floor(((random() + 1) / 2) * VOCABULARY));

const models: [string, FamilyModel][] = Object.entries(familyModels);
const dense = models.filter(([, { metadata }]) => !("expert_count" in metadata));

test.each(dense)(
  `%s: residuals of every block and logits of the exported graph are llama.cpp's within ${LARGEST_ERROR} (seed ${SEED})`,
  async (_, model) => {
    const path = await writeFamilyModel(model);
    const exact = await lookInside(path, ids, model.heads);
    const decoder = await loadExported(path, "f32");
    const ours = await runInTwoParts(decoder, ids, TOKENS - 25);
    await decoder.close();
    const size = TOKENS * WIDTH;
    for (let block = 0; block < model.layers; block++) {
      const of = (rows: Float32Array) => rows.subarray(block * size, (block + 1) * size);
      expect(nmse(of(ours.residuals), of(exact.residuals))).toBeLessThanOrEqual(LARGEST_ERROR);
    }
    expect(nmse(ours.logits, exact.logits)).toBeLessThanOrEqual(LARGEST_ERROR);
  },
);

test("a mixture of experts is refused, and nothing is written", async () => {
  const path = await writeFamilyModel(familyModels.granitemoe);
  const failed = loadExported(path, "f32");
  await expect(failed).rejects.toMatchObject({ reason: "BACKEND_CAPABILITY", field: "layer.router" });
});

test("the default model as ONNX: exact to 1e-5 nat of f32, and as far from our engine as f32 is", async () => {
  const modelPath = defaultModelPath();
  const oracle = await createOracle({ vocabularyOnly: true });
  const prompts = await oracle.tokenize(makePrompts(3, SEED), { addSpecial: true, parseSpecial: true });
  await oracle.close();
  const texts = prompts.map((prompt) => prompt.slice(0, 24));
  const exact = await referenceRows(modelPath, texts, 23);
  const decoder = await loadExported(modelPath, "quantized");
  const engine = await createEngine({ modelPath, contextTokens: 512, threads: 1 });
  try {
    for (const [i, text] of texts.entries()) {
      const rows = (await runInTwoParts(decoder, text, 20)).logits;
      const graph = logSoftmax(rows.subarray(-decoder.vocabulary));
      const f32 = logSoftmax(exact[i] as Float32Array);
      const { logprobs } = await distributionAfter(engine, text);
      const [second, ours] = [divergence(graph, logprobs), divergence(f32, logprobs)];
      console.log(
        `KL: graph from f32 ${divergence(f32, graph).toExponential(1)}, engine from graph ${second.toFixed(5)}, engine from f32 ${ours.toFixed(5)}`,
      );
      expect(Math.abs(divergence(f32, graph))).toBeLessThanOrEqual(1e-5);
      expect(second).toBeLessThanOrEqual(ours + 1e-4);
      expect(second).toBeLessThanOrEqual(0.02);
    }
  } finally {
    await Promise.all([decoder.close(), engine.close()]);
  }
});
