/** Prompt-lookup speculation: the answer is that of a generation without, bit for bit, and costs fewer steps. */
import { expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { GenerateCommandSchema } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import type { CommandInput } from "../../../services/forward/src/engine/client.ts";
import { createDrafter } from "../../../services/forward/src/engine/speculation.ts";
import { toGenerate } from "../../../services/forward/src/schema/generation.ts";
import { generate, GREEDY, open, prompt, startEngineForFile } from "../../support/forward-engine.ts";

const engine = await startEngineForFile();
const SPECULATION = { ngram: 2, maxDraft: 6 };
/** A text that repeats itself. */
const PROMPT = [...prompt(20, 3), ...prompt(20, 3), ...prompt(12, 3)];

/** Tokens with log-probabilities and alternatives, and the counts, with or without speculation, among `others`. */
async function write(options: Partial<CommandInput<"generate">>, ids = PROMPT, others = 0) {
  const beside = Array.from({ length: others }, async (_, index) => {
    const { sequence } = await open(engine, prompt(9 + index, 60 + index));
    const speculation = index % 2 === 0 ? SPECULATION : null;
    const { tokens } = await generate(engine, sequence, { maxTokens: 30, speculation });
    await engine.call({ type: "release", sequences: [sequence] });
    return tokens;
  });
  const { sequence } = await open(engine, ids);
  const answer = await generate(engine, sequence, { maxTokens: 60, topLogprobs: 3, ...options });
  // What follows reads the keys and values left behind.
  const next = await generate(engine, sequence, { maxTokens: 3, topLogprobs: 3 });
  await engine.call({ type: "release", sequences: [sequence] });
  return { ...answer, next: next.tokens, beside: await Promise.all(beside) };
}

const SAMPLINGS = {
  greedy: GREEDY,
  "temperature 1": { ...GREEDY, temperature: 1, seed: 7n },
  "penalties and bias": {
    ...{
      ...GREEDY,
      temperature: 0.7,
      seed: 5n,
      repetitionPenalty: 1.1,
      frequencyPenalty: 0.4,
      presencePenalty: 0.2,
    },
    logitBias: [[17, 2]] as const,
  },
  "top-k, top-p, min-p": { ...GREEDY, temperature: 0.4, topK: 20, topP: 0.9, minP: 0.02, seed: 3n },
} as const;

for (const [name, sampling] of Object.entries(SAMPLINGS)) {
  test(`the same tokens and bits as without: ${name}`, async () => {
    const plain = await write({ sampling });
    const drafted = await write({ sampling, speculation: SPECULATION });
    expect(drafted.tokens).toEqual(plain.tokens);
    expect(drafted.next).toEqual(plain.next);
    expect(drafted).toMatchObject({ reason: plain.reason, sequenceTokens: plain.sequenceTokens });
    expect(plain).toMatchObject({ draftedTokens: 0, acceptedTokens: 0 });
    const among = await write({ sampling, speculation: SPECULATION }, PROMPT, 5);
    expect(among.tokens).toEqual(plain.tokens);
    expect(among.next).toEqual(plain.next);
  });
}

test("a repeating answer takes fewer steps; stop ids and the token limit end it at the same token", async () => {
  const stats = async () => (await engine.call({ type: "stats" })).steps;
  const before = await stats();
  const plain = await write({});
  const between = await stats();
  const drafted = await write({ speculation: SPECULATION });
  const after = await stats();
  expect(drafted.draftedTokens).toBeGreaterThanOrEqual(drafted.acceptedTokens);
  expect(drafted.acceptedTokens).toBeGreaterThan(5);
  expect(after - between).toBe(between - before - drafted.acceptedTokens);
  const stopId = plain.tokens.at(-5)?.id ?? 0;
  const cut = await write({ stopIds: [stopId] });
  expect(await write({ stopIds: [stopId], speculation: SPECULATION })).toMatchObject({
    tokens: cut.tokens,
    next: cut.next,
    reason: "stop",
  });
  for (const maxTokens of [1, 2, 33]) {
    const short = await write({ maxTokens });
    expect(await write({ maxTokens, speculation: SPECULATION })).toMatchObject({
      tokens: short.tokens,
      next: short.next,
    });
  }
});

test("wrong guesses become rare: at most one step in 64 tries", () => {
  const drafter = createDrafter({ ngram: 1, maxDraft: 8 });
  let tries = 0;
  for (let step = 0; step < 1_000; step++) {
    const draft = drafter.draft([1, 2, 1], 100);
    if (draft.length === 0) continue;
    tries++;
    drafter.settle(draft.length, 0);
  }
  expect(tries).toBeLessThan(24);
});

test("what speculation does not go with is refused by name", () => {
  const speculation = { source: { case: "promptLookup", value: { ngram: 2, maxDraft: 4 } } } as const;
  const refused = (more: object) => {
    try {
      toGenerate(create(GenerateCommandSchema, { speculation, ...more }), engine.model);
    } catch (error) {
      return error;
    }
  };
  expect(refused({})).toBeUndefined();
  expect(refused({ constraint: { kind: { case: "regex", value: "a" } } })).toMatchObject({
    reason: "UNSUPPORTED",
    field: "speculation",
  });
  expect(refused({ taps: [{ site: 1 }] })).toMatchObject({ reason: "UNSUPPORTED", field: "speculation" });
  const large = { source: { case: "promptLookup", value: { ngram: 9 } } };
  expect(refused({ speculation: large })).toMatchObject({ reason: "FIELD_OUT_OF_RANGE", limit: "8" });
});
