/**
 * One request, one answer, to the bit: whatever the batch, the chunk, the threads, the fork, the SIMD variant, what the
 * prefix cache holds and what programs the neighbours run. Rows of a pairwise covering (the whole matrix in the full
 * suite) of batch {1,2,3,8,16} × chunk {1,7,32,256} × threads {1,2} × fork × variant × context {255,256,257} × prefix
 * {miss, part, hit} × steered neighbours on the synthetic model; log-probabilities stand for logits (they are taken
 * over every logit).
 */
import { afterAll, expect, test } from "bun:test";
import type { Engine } from "../../../services/forward/src/engine/client.ts";
import { createEngine } from "../../../services/forward/src/engine/client.ts";
import type { ScoredToken } from "../../../services/forward/src/engine/protocol.ts";
import { CALLER, GREEDY, generate, LAST_RESIDUALS, open, prompt } from "../../support/forward-engine.ts";
import { pairwise, product } from "../../support/pairwise.ts";
import { operation } from "../../support/program-reference.ts";
import { writeSyntheticModel } from "../../support/synthetic-model.ts";

const modelPath = await writeSyntheticModel({ seed: 3 });
const engines = new Map<string, Engine>();
const TOKENS = 5;
const KV_KINDS = { int8: "int8", mixed: ["int8", "int16", "int16", "int8"] } as const;
const SAMPLED = { ...GREEDY, temperature: 0.9, topP: 0.95, seed: 42n };

afterAll(async () => {
  for (const engine of engines.values()) await engine.close();
});

async function engineFor({ chunk, threads, simd, kv }: Case): Promise<Engine> {
  const key = `${chunk} ${threads} ${simd} ${kv}`;
  const found = engines.get(key);
  if (found) return found;
  const rows = { rowBudget: Math.max(chunk, 16), prefillRows: chunk };
  const budget = chunk === 256 ? { rowBudget: 256, prefillRows: 256 } : rows;
  const engine = await createEngine({
    modelPath,
    threads,
    simd,
    kvKind: KV_KINDS[kv],
    contextTokens: 512,
    ...budget,
  });
  const vectors = new Float32Array(64).fill(0.125);
  const operations = [operation({ vectors, scope: { kind: "prompt" } }), operation({ vectors, layer: 2 })];
  await engine.call({ type: "program", digest: "loud", program: { operations, conflict: "sum" } });
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
  /** How much of the prompt the cache holds. */
  readonly prefix: "miss" | "part" | "hit";
  /** Storage of keys and values. */
  readonly kv: keyof typeof KV_KINDS;
  /** Whether the others run under programs, some of them over the same prompt. */
  readonly steered: boolean;
}

/** Everything observable of the tested sequence while `batch − 1` others run beside it. */
async function observe(one: Case): Promise<unknown> {
  const { batch, fork, context, prefix, steered } = one;
  const engine = await engineFor(one);
  const ids = prompt(context, 11);
  // A salt of its own empties the cache for the tested sequence; its neighbours share it.
  const caller = { ...CALLER, cacheSalt: JSON.stringify(one) };
  if (prefix !== "miss") {
    const { sequence } = await open(engine, prefix === "hit" ? ids : ids.slice(0, 100), { caller });
    await engine.call({ type: "release", sequences: [sequence] });
  }
  const others = Array.from({ length: batch - 1 }, (_, index) =>
    index % 3 === 0 ? ids : prompt(20 + ((index * 53) % 240), 100 + index),
  );
  const running = others.map(async (tokens, index) => {
    const binding = steered ? { digest: "loud", coefficients: [1 + index, 2] } : null;
    const { sequence } = await open(engine, tokens, { caller, binding });
    await generate(engine, sequence, { maxTokens: 40, binding });
    await engine.call({ type: "release", sequences: [sequence] });
  });
  const opened = await open(engine, ids, { taps: [LAST_RESIDUALS], caller });
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
  prefix: ["miss", "part", "hit"] as const,
  kv: ["int8", "mixed"] as const,
  steered: [false, true],
};
const isFull = process.env.TRIMTAB_TEST_FULL === "1";
const cases: readonly Case[] = isFull ? product(factors) : pairwise(factors);

const references = new Map<string, unknown>();
for (const { context, kv } of product({ context: factors.context, kv: factors.kv })) {
  const plain = { fork: false, simd: "auto", context, kv, prefix: "miss", steered: false } as const;
  const plainest: Case = { batch: 1, chunk: 256, threads: 1, ...plain };
  references.set(`${context} ${kv}`, await observe(plainest));
}

for (const one of cases) {
  test(`bit-identical: ${JSON.stringify(one)}`, async () => {
    expect(await observe(one)).toEqual(references.get(`${one.context} ${one.kv}`));
  }, 120_000);
}
