/**
 * One request, one answer, to the bit: whatever the batch, the chunk, the threads, the fork and the SIMD variant.
 * Rows of a pairwise covering (the whole matrix in the full suite) of batch {1,2,3,8,16} × chunk {1,7,32,256} × threads {1,2} × fork × variant × context
 * {255,256,257} on the synthetic model; log-probabilities stand for logits (they are taken over every logit).
 */
import { afterAll, expect, test } from "bun:test";
import type { Engine } from "../../../services/forward/src/engine/client.ts";
import { createEngine } from "../../../services/forward/src/engine/client.ts";
import type { ScoredToken } from "../../../services/forward/src/engine/protocol.ts";
import { GREEDY, generate, LAST_RESIDUALS, open, prompt } from "../../support/forward-engine.ts";
import { pairwise, product } from "../../support/pairwise.ts";
import { writeSyntheticModel } from "../../support/synthetic-model.ts";

const modelPath = await writeSyntheticModel({ seed: 3 });
const engines = new Map<string, Engine>();
const TOKENS = 5;
const SAMPLED = { ...GREEDY, temperature: 0.9, topP: 0.95, seed: 42n };

afterAll(async () => {
  for (const engine of engines.values()) await engine.close();
});

async function engineFor(chunk: number, threads: number, simd: "auto" | "plain"): Promise<Engine> {
  const key = `${chunk} ${threads} ${simd}`;
  const found = engines.get(key);
  if (found) return found;
  const rows = { rowBudget: Math.max(chunk, 16), prefillRows: chunk };
  const budget = chunk === 256 ? { rowBudget: 256, prefillRows: 256 } : rows;
  const engine = await createEngine({ modelPath, threads, simd, contextTokens: 512, ...budget });
  engines.set(key, engine);
  return engine;
}

interface Case {
  readonly batch: number;
  readonly chunk: number;
  readonly threads: number;
  readonly fork: boolean;
  readonly simd: "auto" | "plain";
  readonly context: number;
}

/** Everything observable of the tested sequence while `batch − 1` others run beside it. */
async function observe({ batch, chunk, threads, fork, simd, context }: Case): Promise<unknown> {
  const engine = await engineFor(chunk, threads, simd);
  const ids = prompt(context, 11);
  const others = Array.from({ length: batch - 1 }, (_, index) =>
    prompt(20 + ((index * 53) % 240), 100 + index),
  );
  const running = others.map(async (tokens) => {
    const { sequence } = await open(engine, tokens);
    await generate(engine, sequence, { maxTokens: 40 });
    await engine.call({ type: "release", sequences: [sequence] });
  });
  const opened = await open(engine, ids, { taps: [LAST_RESIDUALS] });
  let { sequence } = opened;
  if (fork) {
    const child = engine.newSequence();
    await engine.call({ type: "fork", sequence, children: [child] });
    await engine.call({ type: "release", sequences: [sequence] });
    sequence = child;
  }
  const { tokens } = await generate(engine, sequence, { maxTokens: TOKENS, sampling: SAMPLED, stream: 7n });
  await engine.call({ type: "release", sequences: [sequence] });
  await Promise.all(running);
  return { tokens: tokens.map(bits), residuals: opened.activations.map(({ values }) => [...values]) };
}

const bits = ({ id, logprob, top }: ScoredToken) => [
  id,
  logprob,
  ...top.flatMap((one) => [one.id, one.logprob]),
];

const factors = {
  batch: [1, 2, 3, 8, 16],
  chunk: [1, 7, 32, 256],
  threads: [1, 2],
  fork: [false, true],
  simd: ["auto", "plain"] as const,
  context: [255, 256, 257],
};
const isFull = process.env.TRIMTAB_TEST_FULL === "1";
const cases: readonly Case[] = isFull ? product(factors) : pairwise(factors);

const references = new Map<number, unknown>();
for (const context of [255, 256, 257]) {
  const plainest: Case = { batch: 1, chunk: 256, threads: 1, fork: false, simd: "auto", context };
  references.set(context, await observe(plainest));
}

for (const one of cases) {
  test(`bit-identical: ${JSON.stringify(one)}`, async () => {
    expect(await observe(one)).toEqual(references.get(one.context));
  }, 20_000);
}
