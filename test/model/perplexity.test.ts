/** Perplexity of prose is llama.cpp's within half a percent, for a llama and for a qwen2 file. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { defaultModelPath } from "#kit/paths.ts";
import { ensureTestModel } from "../../scripts/lib/test-models.mjs";
import { createEngine } from "../../services/forward/index.ts";
import { createOracle } from "../oracle/llama.ts";
import { open } from "../support/forward-engine.ts";

setDefaultTimeout(600_000);
const TEXT = readFileSync(join(import.meta.dir, "fixtures/prose.txt"), "utf8");
const LARGEST_DIFFERENCE = 0.005;

const perplexity = (nats: readonly number[]): number =>
  Math.exp(nats.reduce((sum, value) => sum + value, 0) / nats.length);

test.each([
  ["SmolLM2-135M", async () => defaultModelPath()],
  ["Qwen2.5-Coder-0.5B", () => ensureTestModel("qwen")],
] as const)("perplexity of %s is llama.cpp's within 0.5 %%", async (name, find) => {
  const modelPath = await find();
  const oracle = await createOracle({ modelPath });
  const engine = await createEngine({ modelPath, contextTokens: 2_048, threads: 1 });
  try {
    const [ids = []] = await oracle.tokenize([TEXT], { addSpecial: true });
    const theirs = perplexity(await oracle.surprisal(ids));
    const { scored } = await open(engine, ids, { score: { first: 1, topLogprobs: 0, candidates: [] } });
    const ours = perplexity(scored.map(({ logprob }) => -logprob));
    console.log(
      `${name}, ${ids.length} tokens: perplexity ${ours.toFixed(4)}, llama.cpp ${theirs.toFixed(4)}`,
    );
    expect(scored).toHaveLength(ids.length - 1);
    expect(Math.abs(ours / theirs - 1)).toBeLessThanOrEqual(LARGEST_DIFFERENCE);
  } finally {
    await Promise.all([oracle.close(), engine.close()]);
  }
});
