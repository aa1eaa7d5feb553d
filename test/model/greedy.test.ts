/** Greedy answers are llama.cpp's, token by token, up to a place where f32 itself is undecided between two tokens. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { defaultModelPath } from "#kit/paths.ts";
import { createEngine, type Engine } from "../../services/forward/index.ts";
import { createOracle, type Oracle } from "../oracle/llama.ts";
import { createReference, type Reference } from "../oracle/reference.ts";
import { generate, open } from "../support/forward-engine.ts";
import { logSoftmax, marginOf } from "./distributions.ts";
import { makePrompts } from "./prompts.ts";

setDefaultTimeout(300_000);
const SEED = 31;
const TOKENS = 16;
const CLEAR_NATS = 0.5;

let oracle: Oracle;
let reference: Reference;
let engine: Engine;

beforeAll(async () => {
  const modelPath = defaultModelPath();
  [oracle, reference, engine] = await Promise.all([
    createOracle({ modelPath }),
    createReference(modelPath),
    createEngine({ modelPath, contextTokens: 1024, threads: 1 }),
  ]);
});
afterAll(() => Promise.all([oracle.close(), reference.close(), engine.close()]));

test(`greedy tokens are llama.cpp's wherever f32 is clear by ${CLEAR_NATS} nat (seed ${SEED})`, async () => {
  const prompts = await oracle.tokenize(makePrompts(8, SEED), { parseSpecial: true });
  const answers = await Promise.all(
    prompts.map(async (ids) => {
      const { sequence } = await open(engine, ids);
      const { tokens } = await generate(engine, sequence, { maxTokens: TOKENS, topLogprobs: 0 });
      await engine.call({ type: "release", sequences: [sequence] });
      return tokens.map(({ id }) => id);
    }),
  );
  let compared = 0;
  for (const [i, ids] of prompts.entries()) {
    const ours = answers[i] as number[];
    const theirs = await oracle.greedy(ids, TOKENS);
    const parting = ours.findIndex((id, at) => id !== theirs[at]);
    compared += parting < 0 ? TOKENS : parting;
    if (parting < 0) continue;
    const context = [...ids, ...ours.slice(0, parting)];
    const { data } = await reference.logits(context, { first: context.length - 1 });
    expect(marginOf(logSoftmax(data))).toBeLessThan(CLEAR_NATS);
  }
  // Most of the way they go together: otherwise little would be compared.
  expect(compared).toBeGreaterThan((prompts.length * TOKENS) / 2);
});
