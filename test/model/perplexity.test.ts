/**
 * Perplexity of real models on a text is llama.cpp's: chapters I and II of "Alice's Adventures in Wonderland" (Lewis
 * Carroll, 1865, public domain), in windows of 512 tokens, with each program's own storage of keys and values. One window does
 * not tell a worse kernel from another: a change of a hundred-thousandth flips the rounding of activations here and there, by
 * which its mean moves 0.2 %.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { defaultModelPath } from "#kit/paths.ts";
import { ensureTestModel } from "../../scripts/lib/test-models.mjs";
import { createEngine, type Engine } from "../../services/forward/index.ts";
import { createOracle } from "../oracle/llama.ts";
import { open } from "../support/forward-engine.ts";

setDefaultTimeout(900_000);
const isFull = process.env.TRIMTAB_TEST_FULL === "1";
const WINDOW_TOKENS = 512;
const LARGEST_DIFFERENCE = 0.005;
const ALL = Number.POSITIVE_INFINITY;
const text = await Bun.file(join(import.meta.dir, "data", "alice.txt")).text();

const MODELS = [
  { name: "SmolLM2-135M", find: async () => defaultModelPath(), windows: isFull ? ALL : 3 },
  { name: "Qwen2.5-Coder-0.5B", find: () => ensureTestModel("qwen"), windows: isFull ? ALL : 3 },
];

/** Nats by which our engine is surprised by each id after the first. */
async function ourSurprisal(engine: Engine, ids: readonly number[]): Promise<number[]> {
  const score = { first: 1, topLogprobs: 0, candidates: [] };
  const { sequence, scored } = await open(engine, ids, { score });
  await engine.call({ type: "release", sequences: [sequence] });
  return scored.map(({ logprob }) => -logprob);
}

test.each(MODELS)(
  "$name: perplexity is llama.cpp's within half a percent ($windows windows)",
  async (model) => {
    const modelPath = await model.find();
    const [oracle, engine] = await Promise.all([
      createOracle({ modelPath }),
      createEngine({ modelPath, contextTokens: WINDOW_TOKENS, threads: 1 }),
    ]);
    try {
      const ids = (await oracle.tokenize([text]))[0] as number[];
      const whole = Math.min(model.windows, Math.floor(ids.length / WINDOW_TOKENS));
      const windows = Array.from({ length: whole }, (_, i) =>
        ids.slice(i * WINDOW_TOKENS, (i + 1) * WINDOW_TOKENS),
      );
      const ours: number[] = [];
      const theirs: number[] = [];
      for (const window of windows) {
        ours.push(...(await ourSurprisal(engine, window)));
        theirs.push(...(await oracle.surprisal(window)));
      }
      expect(ours).toHaveLength(whole * (WINDOW_TOKENS - 1));
      const [our, their] = [perplexity(ours), perplexity(theirs)];
      console.log(
        `${model.name}: perplexity of ${ours.length} tokens: ours ${our.toFixed(4)}, llama.cpp ${their.toFixed(4)} (${((our / their - 1) * 100).toFixed(3)} %)`,
      );
      expect(Math.abs(our / their - 1)).toBeLessThanOrEqual(LARGEST_DIFFERENCE);
    } finally {
      await Promise.all([oracle.close(), engine.close()]);
    }
  },
);

function perplexity(surprisal: readonly number[]): number {
  return Math.exp(surprisal.reduce((a, b) => a + b, 0) / surprisal.length);
}
