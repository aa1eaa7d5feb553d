/**
 * The probability with which a token was drawn is the probability Score gives it, bit by bit: steered or not, whatever ran in
 * the same steps, at any temperature. Weights that divide one by the other (`steered-proposal`) stand on this.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { defaultModelPath } from "#kit/paths.ts";
import { createEngine, type Engine } from "../../services/forward/index.ts";
import type { Program } from "../../services/forward/src/programs/program.ts";
import { generate, GREEDY, open } from "../support/forward-engine.ts";
import { createRandom } from "./strings.ts";

setDefaultTimeout(300_000);
const SEED = 5;
const TOKENS = 10;
const STREAMS = [0n, 1n, 2n];
const BLOCK = 12;
const DIGEST = "some-direction";
/** "The clock on the wall has" and the like: any ids do. */
const PROMPT = [504, 7117, 335, 260, 3895, 553];

let engine: Engine;
beforeAll(async () => {
  engine = await createEngine({ modelPath: defaultModelPath(), contextTokens: 256, threads: 1 });
  const random = createRandom(SEED);
  const noise = Float32Array.from({ length: engine.model.width }, () => random.below(2_000) / 1_000 - 1);
  const nothing = { parameter: 0, condition: "none", conditionVector: null, threshold: 0, cap: 0 } as const;
  const program: Program = {
    operations: [
      {
        ...{ site: "residual", layer: BLOCK, kind: "add", normPolicy: "none", priority: 0, ...nothing },
        vectors: noise.map((value) => value / Math.hypot(...noise)),
        scope: { kind: "window", first: PROMPT.length - 1, end: 256 },
      },
    ],
    conflict: "sum",
  };
  await engine.call({ type: "program", digest: DIGEST, program });
});
afterAll(() => engine.close());

/** Tokens drawn side by side under a push (0: none), each with the probability it had. */
async function draw(push: number, temperature: number) {
  const { sequence: root } = await open(engine, PROMPT);
  const children = STREAMS.map(() => engine.newSequence());
  await engine.call({ type: "fork", sequence: root, children });
  const binding = push === 0 ? null : { digest: DIGEST, coefficients: [push] };
  const sampling = { ...GREEDY, temperature, topP: temperature === 1 ? 1 : 0.9, seed: BigInt(SEED) };
  const drawn = await Promise.all(
    children.map((sequence, i) =>
      generate(engine, sequence, {
        ...{ maxTokens: TOKENS, sampling, stream: STREAMS[i] ?? 0n, topLogprobs: 0 },
        ...{ binding, replayLast: binding !== null },
      }),
    ),
  );
  await engine.call({ type: "release", sequences: [root, ...children] });
  return drawn.map(({ tokens }) => tokens);
}

/** What Score says of the same ids under a push. */
async function score(push: number, ids: readonly number[]): Promise<readonly number[]> {
  const binding = push === 0 ? null : { digest: DIGEST, coefficients: [push] };
  const first = PROMPT.length;
  const spec = { first, topLogprobs: 0, candidates: [] };
  const { scored } = await open(engine, [...PROMPT, ...ids], {
    ...{ promptTokens: first, binding, score: spec, transient: true },
  });
  return scored.map(({ logprob }) => logprob);
}

test.each([
  { push: 0, temperature: 1 },
  { push: 0, temperature: 0.7 },
  { push: 40, temperature: 1 },
])("drawn and scored at push $push, temperature $temperature", async ({ push, temperature }) => {
  const drawn = await draw(push, temperature);
  expect(new Set(drawn.map((tokens) => tokens.map(({ id }) => id).join())).size).toBeGreaterThan(1);
  for (const tokens of drawn) {
    const scored = await score(
      push,
      tokens.map(({ id }) => id),
    );
    expect(scored).toEqual(tokens.map(({ logprob }) => logprob));
  }
});

test("a push too faint to mean anything moves a text's probability by the rounding of activations alone", async () => {
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const moved = async (push: number) =>
    Math.max(
      ...(await Promise.all(
        texts.map(async (ids) => Math.abs(sum(await score(push, ids)) - sum(await score(0, ids)))),
      )),
    );
  const texts = (await draw(0, 1)).map((tokens) => tokens.map(({ id }) => id));
  // Not 0: eight bits an activation. This much of an effective sample size is lost at any dose.
  const faint = await moved(1e-6);
  expect(faint).toBeLessThan(0.05 * TOKENS);
  expect(await moved(40)).toBeGreaterThan(2 * faint);
});
