/**
 * Our distributions are as close to the exact ones as llama.cpp's: Kullback-Leibler divergence from an f32 forward pass
 * on the dequantised weights of real models of three families, and the likeliest token wherever it is clear.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { defaultModelPath } from "#kit/paths.ts";
import { ensureTestModel } from "../../scripts/lib/test-models.mjs";
import { createEngine, type Engine } from "../../services/forward/index.ts";
import { createOracle } from "../oracle/llama.ts";
import { referenceRows } from "../oracle/reference-rows.ts";
import { argMax, distributionAfter, divergence, logSoftmax, marginOf } from "./distributions.ts";
import { makePrompts } from "./prompts.ts";

setDefaultTimeout(600_000);
const SEED = 11;
const isFull = process.env.TRIMTAB_TEST_FULL === "1";
/** The first position compared: some context, and not the first template tokens only. */
const FIRST = 8;
const CLEAR_NATS = 0.5;

/** The models, how many prompts and positions of each, and the storage of keys and values when it is not the default. */
const MODELS = [
  { name: "SmolLM2-135M", find: async () => defaultModelPath(), prompts: isFull ? 64 : 16, positions: 32 },
  {
    name: "Qwen2.5-Coder-0.5B",
    find: () => ensureTestModel("qwen"),
    prompts: isFull ? 16 : 3,
    positions: isFull ? 32 : 8,
  },
  {
    name: "Gemma 3 270M",
    find: () => ensureTestModel("gemma"),
    prompts: isFull ? 16 : 3,
    positions: isFull ? 32 : 8,
  },
];

/** Log-probabilities of all tokens after each of `positions` positions of every prompt, [position][prompt]. */
async function ourRows(engine: Engine, prompts: readonly (readonly number[])[], positions: number) {
  const rows: (readonly (readonly number[])[])[] = [];
  /** The sequences of the position before, whose pages the next ones share. */
  let parents: (number | null)[] = prompts.map(() => null);
  for (let position = FIRST; position < FIRST + positions; position++) {
    const found = await Promise.all(
      prompts.map((ids, i) =>
        distributionAfter(engine, ids.slice(0, position + 1), { parent: parents[i] ?? null }),
      ),
    );
    await engine.call({ type: "release", sequences: parents.filter((parent) => parent !== null) });
    // Without the token that stands for the next one.
    for (const { sequence } of found) {
      await engine.call({ type: "truncate", sequence, tokens: position + 1 });
    }
    parents = found.map(({ sequence }) => sequence);
    rows.push(found.map(({ logprobs }) => logprobs));
  }
  return rows;
}

function summarize(values: readonly number[]) {
  const sorted = [...values].sort((a, b) => a - b);
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return { mean, p99: sorted[Math.floor(0.99 * sorted.length)] as number };
}

test.each(MODELS)(
  "$name: divergence from f32 is at most 1.25 times llama.cpp's + 0.001, and 0.01 ($prompts x $positions)",
  async (model) => {
    const modelPath = await model.find();
    const [oracle, engine] = await Promise.all([
      createOracle({ modelPath }),
      createEngine({ modelPath, contextTokens: 2048, threads: 1 }),
    ]);
    try {
      const texts = await oracle.tokenize(makePrompts(model.prompts, SEED), {
        addSpecial: true,
        parseSpecial: true,
      });
      const prompts = texts.map((ids) => ids.slice(0, FIRST + model.positions + 1));
      const read = prompts.map((ids) => ids.slice(0, -1));
      const theirRows: Float32Array[] = [];
      for (const ids of read) theirRows.push((await oracle.logits(ids, { first: FIRST })).data);
      const exactRows = await referenceRows(modelPath, read, FIRST);
      const found = compare(exactRows, theirRows, await ourRows(engine, prompts, model.positions));
      const [our, their] = [summarize(found.ours), summarize(found.theirs)];
      console.log(
        `${model.name} (seed ${SEED}): KL from f32: ours ${our.mean.toFixed(5)} (p99 ${our.p99.toFixed(4)}), llama.cpp ${their.mean.toFixed(5)} (p99 ${their.p99.toFixed(4)}); likeliest token where the margin is at least ${CLEAR_NATS} nat: ${found.agreed} of ${found.clear}`,
      );
      expect(found.ours.every((kl) => kl >= -1e-6)).toBe(true);
      expect(our.mean).toBeLessThanOrEqual(Math.min(1.25 * their.mean + 0.001, 0.01));
      expect(found.clear).toBeGreaterThan((model.prompts * model.positions) / 3);
      expect(found.agreed / found.clear).toBeGreaterThanOrEqual(0.995);
    } finally {
      await Promise.all([oracle.close(), engine.close()]);
    }
  },
);

/** Divergences from the exact rows, and how often the likeliest token is the same where it is clear. */
function compare(
  exactRows: readonly Float32Array[],
  theirRows: readonly Float32Array[],
  ourRows: readonly (readonly (readonly number[])[])[],
) {
  const vocabulary = ourRows[0]?.[0]?.length ?? 0;
  const ours: number[] = [];
  const theirs: number[] = [];
  let clear = 0;
  let agreed = 0;
  for (const [at, rows] of ourRows.entries()) {
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
  return { ours, theirs, clear, agreed };
}
