/**
 * Our distributions are as close to the exact ones as llama.cpp's: Kullback-Leibler divergence from an f32 forward pass
 * on the dequantised weights of the default model, and the likeliest token wherever it is clear.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { defaultModelPath } from "#kit/paths.ts";
import { createEngine, type Engine } from "../../services/forward/index.ts";
import { createOracle, type Oracle } from "../oracle/llama.ts";
import { createReference, type Reference } from "../oracle/reference.ts";
import { open } from "../support/forward-engine.ts";
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
    createEngine({ modelPath, contextTokens: 2048 }),
  ]);
});
afterAll(() => Promise.all([oracle.close(), reference.close(), engine.close()]));

function logSoftmax(logits: Float32Array): Float64Array {
  const largest = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const sum = logits.reduce((total, logit) => total + Math.exp(logit - largest), 0);
  return Float64Array.from(logits, (logit) => logit - largest - Math.log(sum));
}

function divergence(exact: Float64Array, other: ArrayLike<number>): number {
  return exact.reduce((sum, logprob, i) => sum + Math.exp(logprob) * (logprob - (other[i] as number)), 0);
}

/** Log-probabilities of all tokens after `ids[0..position]`, for every prompt, computed as one batch. */
async function ourRows(prompts: readonly (readonly number[])[], position: number): Promise<number[][]> {
  const candidates = Array.from({ length: engine.model.vocabulary }, (_, id) => id);
  const opened = await Promise.all(
    prompts.map((ids) =>
      open(engine, ids.slice(0, position + 2), {
        parent: parents.get(ids) ?? null,
        score: { first: position + 1, topLogprobs: 0, candidates },
      }),
    ),
  );
  await engine.call({ type: "release", sequences: [...parents.values()] });
  prompts.forEach((ids, i) => parents.set(ids, (opened[i] as { sequence: number }).sequence));
  return opened.map(({ candidateLogprobs }) => [...candidateLogprobs]);
}

/** The sequence of the position before, whose pages the next one shares. */
const parents = new Map<readonly number[], number>();

const argMax = (row: ArrayLike<number>): number => {
  let best = 0;
  for (let i = 1; i < row.length; i++) if ((row[i] as number) > (row[best] as number)) best = i;
  return best;
};

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
      const best = argMax(exact);
      const margin =
        (exact[best] as number) - exact.reduce((m, v, id) => (id === best ? m : Math.max(m, v)), -Infinity);
      if (margin < CLEAR_NATS) continue;
      clear += 1;
      if (argMax(our) === best) agreed += 1;
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
