/**
 * Every family computes what llama.cpp computes: residuals after every block and logits of tiny F32 files, whose
 * attention is peaked and whose logits spread, so that a wrong part would show; and a wrong part does show.
 */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import type { Family } from "../../services/forward/src/families/family.ts";
import { families } from "../../services/forward/src/families/index.ts";
import { type Inside, lookInside } from "../oracle/llama-watch.ts";
import { computeInside } from "../support/family-forward.ts";
import { layered, type Mutation, rotated, scaled, settled } from "../support/family-mutants.ts";
import {
  type FamilyModel,
  familyModels,
  VOCABULARY,
  WIDTH,
  writeFamilyModel,
} from "../support/family-models.ts";
import { nmse } from "../support/nmse.ts";
import { createRandom } from "../support/synthetic-model.ts";

setDefaultTimeout(120_000);
const SEED = 5;
/** Over a segment of 256 positions, and over the window. */
const TOKENS = 300;
const LARGEST_ERROR = 1e-6;
/** A wrong part moves the logits by far more than rounding. */
const CLEAR_ERROR = 1e-4;
/** Mean of the largest of up to 300 probabilities. */
const PEAKED = 0.15;

const random = createRandom(SEED);
const ids = Array.from({ length: TOKENS }, () => Math.floor(((random() + 1) / 2) * VOCABULARY));

/** The smallest deviation of the logits of a position. */
function leastSpread(logits: Float32Array): number {
  const spreads = Array.from({ length: TOKENS }, (_, position) => {
    const row = logits.subarray(position * VOCABULARY, (position + 1) * VOCABULARY);
    const mean = row.reduce((sum, value) => sum + value, 0) / VOCABULARY;
    return Math.sqrt(row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / VOCABULARY);
  });
  return Math.min(...spreads);
}

const names = Object.keys(familyModels) as (keyof typeof familyModels)[];
const references = Object.fromEntries(
  await Promise.all(
    names.map(async (name) => {
      const model: FamilyModel = familyModels[name];
      return [name, await lookInside(await writeFamilyModel(model), ids, model.heads)] as const;
    }),
  ),
) as Record<keyof typeof familyModels, Inside>;

for (const name of names) {
  describe(name, () => {
    const model: FamilyModel = familyModels[name];
    const exact = references[name];

    test("the file is a sharp test: attention is peaked and logits spread by at least 2", () => {
      expect(Math.min(...exact.peaks)).toBeGreaterThan(PEAKED);
      expect(leastSpread(exact.logits)).toBeGreaterThanOrEqual(2);
    });

    test(`residuals of every block and logits are llama.cpp's within ${LARGEST_ERROR} (seed ${SEED})`, async () => {
      const ours = await computeInside(await writeFamilyModel(model), ids);
      const size = TOKENS * WIDTH;
      const errors = Array.from({ length: model.layers }, (_, layer) => {
        const of = (rows: Float32Array) => rows.subarray(layer * size, (layer + 1) * size);
        return nmse(of(ours.residuals), of(exact.residuals));
      });
      errors.push(nmse(ours.logits, exact.logits));
      console.log(`${name}: ${errors.map((value) => value.toExponential(1)).join(" ")}`);
      expect(errors.filter((value) => !(value <= LARGEST_ERROR))).toEqual([]);
    });
  });
}

/** Wrong parts: the model, what its family becomes, and the tensors the file then lacks. */
const mutants: readonly [string, keyof typeof familyModels, Mutation, string[]?][] = [
  ["no factors of the frequencies", "llama3", rotated({ factors: [] })],
  ["another base", "llama3", rotated({ base: 10_000 })],
  ["no biases", "qwen2", layered({ qkvBias: [] }), ["attn_q.bias", "attn_k.bias", "attn_v.bias"]],
  ["neighbours rotate, not halves", "qwen2", () => ({ ropeInterleaved: true })],
  ["no norm of queries", "qwen3", layered({ queryNorm: null }), ["attn_q_norm.weight"]],
  ["no norm of keys", "qwen3", layered({ keyNorm: null }), ["attn_k_norm.weight"]],
  ["no norm after attention", "gemma3", layered({ attentionPostNorm: null }), ["post_attention_norm.weight"]],
  ["no norm after the MLP", "gemma3", layered({ mlpPostNorm: null }), ["post_ffw_norm.weight"]],
  ["SiLU", "gemma3", () => ({ activation: "silu" })],
  ["embedding rows as they are", "gemma3", () => ({ scales: () => ({}) })],
  ["no window", "gemma3", settled((own) => ({ ...own, window: 0 }))],
  ["a window one token too long", "gemma3", settled((own) => ({ ...own, window: own.window && 41 }))],
  ["one base for all layers", "gemma3", settled((own) => ({ ...own, rotation: 0 }))],
  ["every layer rotates", "smollm3", settled((own) => ({ ...own, rotation: 0 }))],
  [
    "factors of short contexts",
    "phi3",
    rotated({ factors: [{ tensor: "rope_factors_short.weight", overTokens: 0 }] }),
  ],
  ["no factor on cosine and sine", "phi3", rotated({ magnitude: 1 })],
  ["no factor on the embedding", "granitemoe", scaled({ embedding: 1 })],
  ["no factor on the residual", "granitemoe", scaled({ residual: 1 })],
  ["no factor on logits", "granitemoe", scaled({ logits: 1 })],
  ["scores by the size of a head", "granitemoe", scaled({ scores: 1 / Math.sqrt(32) })],
];

test.each(mutants)("a wrong part fails the check: %s (%s)", async (_, name, mutate, without = []) => {
  const model: FamilyModel = familyModels[name];
  const family = families.get(model.architecture) as Family;
  const path = await writeFamilyModel(model, { without });
  const { logits } = await computeInside(path, ids, { family: { ...family, ...mutate(family) } });
  expect(nmse(logits, references[name].logits)).toBeGreaterThan(CLEAR_ERROR);
});
