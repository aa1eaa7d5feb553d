/**
 * Our distributions are as close to the exact ones as llama.cpp's: Kullback-Leibler divergence from an f32 forward pass
 * on the dequantised weights of the default model, and the likeliest token wherever it is clear.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { defaultModelPath } from "#kit/paths.ts";
import { createEngine, type Engine } from "../../services/forward/index.ts";
import { createOracle, type Oracle } from "../oracle/llama.ts";
import { createReference, type Reference } from "../oracle/reference.ts";
import { argMax, distributionAfter, divergence, logSoftmax, marginOf } from "./distributions.ts";
import { makePrompts } from "./prompts.ts";

setDefaultTimeout(600_000);
const SEED = 11;
const PROMPTS = process.env.TRIMTAB_TEST_FULL === "1" ? 64 : 16;
const POSITIONS = 32;
/** The first position compared: some context, and not the first template tokens only. */
const FIRST = 8;
const CLEAR_NATS = 0.5;

let oracle: Oracle;
let reference: Reference;
let engine: Engine;

beforeAll(async () => {
  const modelPath = defaultModelPath();
  [oracle, reference, engine] = await Promise.all([
    createOracle({ modelPath }),
    createReference(modelPath),
    createEngine({ modelPath, contextTokens: 2048, threads: 1 }),
  ]);
});
afterAll(() => Promise.all([oracle.close(), reference.close(), engine.close()]));

/** The sequence of the position before, whose pages the next one shares. */
const parents = new Map<readonly number[], number>();

/** Log-probabilities of all tokens after `ids[0..position]`, for every prompt, computed as one batch. */
async function ourRows(prompts: readonly (readonly number[])[], position: number) {
  const found = await Promise.all(
    prompts.map((ids) => {
      const upTo = ids.slice(0, position + 1);
      return distributionAfter(engine, upTo, { parent: parents.get(ids) ?? null });
    }),
  );
  await engine.call({ type: "release", sequences: [...parents.values()] });
  for (const [i, ids] of prompts.entries()) {
    const { sequence } = found[i] as (typeof found)[number];
    // Without the token that stands for the next one.
    await engine.call({ type: "truncate", sequence, tokens: position + 1 });
    parents.set(ids, sequence);
  }
  return found.map(({ logprobs }) => logprobs);
}

function summarize(values: readonly number[]) {
  const sorted = [...values].sort((a, b) => a - b);
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return { mean, p99: sorted[Math.floor(0.99 * sorted.length)] as number };
}

test(`divergence from f32 is at most 1.25 times llama.cpp's + 0.001 and 0.01 over ${PROMPTS} x ${POSITIONS} (seed ${SEED})`, async () => {
  const prompts = (await oracle.tokenize(makePrompts(PROMPTS, SEED), { parseSpecial: true })).map((ids) =>
    ids.slice(0, FIRST + POSITIONS + 1),
  );
  const rowsOf = async (model: Oracle | Reference) =>
    Promise.all(prompts.map(async (ids) => (await model.logits(ids.slice(0, -1), { first: FIRST })).data));
  const [exactRows, theirRows] = await Promise.all([rowsOf(reference), rowsOf(oracle)]);
  const { vocabulary } = engine.model;
  const ours: number[] = [];
  const theirs: number[] = [];
  let clear = 0;
  let agreed = 0;
  for (let at = 0; at < POSITIONS; at++) {
    const rows = await ourRows(prompts, FIRST + at);
    for (const [i, our] of rows.entries()) {
      const row = (data: Float32Array) => data.subarray(at * vocabulary, (at + 1) * vocabulary);
      const exact = logSoftmax(row(exactRows[i] as Float32Array));
      ours.push(divergence(exact, our));
      theirs.push(divergence(exact, logSoftmax(row(theirRows[i] as Float32Array))));
      if (marginOf(exact) < CLEAR_NATS) continue;
      clear += 1;
      if (argMax(our) === argMax(exact)) agreed += 1;
    }
  }
  const [our, their] = [summarize(ours), summarize(theirs)];
  console.log(
    `KL from f32: ours ${our.mean.toFixed(5)} (p99 ${our.p99.toFixed(4)}), llama.cpp ${their.mean.toFixed(5)} (p99 ${their.p99.toFixed(4)})`,
  );
  console.log(`likeliest token where the margin is at least ${CLEAR_NATS} nat: ${agreed} of ${clear}`);
  expect(ours.every((kl) => kl >= -1e-6)).toBe(true);
  expect(our.mean).toBeLessThanOrEqual(Math.min(1.25 * their.mean + 0.001, 0.01));
  expect(clear).toBeGreaterThan((PROMPTS * POSITIONS) / 3);
  expect(agreed / clear).toBeGreaterThanOrEqual(0.995);
});
