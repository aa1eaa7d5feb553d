/** Texts read instead of written: teacher-forced scoring beside prefill, and prompt-lookup speculation beside plain decode. */
import { generate, open, release, type GenerateExtras } from "../ours/commands.ts";
import { idAt } from "../contender.ts";
import type { ForwardUnderTest } from "../ours/forward.ts";
import type { BenchRow } from "../rows.ts";
import { comparePair, type OwnBench } from "./pairs.ts";

const SCORED_TOKENS = 512;
const PHRASE_TOKENS = 32;
const REPEATS = 6;
const COPIED_TOKENS = 96;
const SPECULATION: GenerateExtras = {
  speculation: { source: { case: "promptLookup", value: { ngram: 3, maxDraft: 8 } } },
};

/** Tokens/s of scoring 512 tokens beside prefill of as many: scoring reads the head at every position. */
export async function measureScore(bench: OwnBench): Promise<BenchRow[]> {
  const { forward } = bench;
  const { digest } = forward.model;
  const pair = {
    ...{ metric: "score", context: SCORED_TOKENS, batch: 1, unit: "tokens/s", peer: "Trimtab prefill" },
    async ours() {
      const ids = forward.newPrompt(SCORED_TOKENS);
      const beganMs = performance.now();
      await forward.client.score({ modelDigest: digest, items: [{ ids, first: 1 }] });
      return (1000 * SCORED_TOKENS) / (performance.now() - beganMs);
    },
    theirs: () => forward.measure({ metric: "prefill", context: SCORED_TOKENS, batch: 1, steps: 1 }),
  };
  return [await comparePair(bench, pair, bench.rounds)];
}

/** Tokens/s on a prompt that repeats a phrase, which a model goes on repeating, beside tokens/s without guesses. */
export async function measureSpeculation(bench: OwnBench): Promise<BenchRow[]> {
  const { forward } = bench;
  const guessed = { drafted: 0, accepted: 0 };
  const context = PHRASE_TOKENS * REPEATS;
  const pair = {
    ...{ metric: "speculation", context, batch: 1, unit: "tokens/s", peer: "Trimtab without speculation" },
    ours: () => copy(forward, SPECULATION, guessed),
    theirs: () => copy(forward, {}, guessed),
    settings: () => `${guessed.accepted} of ${guessed.drafted} guesses kept`,
  };
  return [await comparePair(bench, pair, bench.rounds)];
}

async function copy(
  { session, newId }: ForwardUnderTest,
  extras: GenerateExtras,
  guessed: { drafted: number; accepted: number },
): Promise<number> {
  const id = newId();
  const ids = Array.from({ length: PHRASE_TOKENS * REPEATS }, (_, i) => idAt(i % PHRASE_TOKENS));
  let firstMs = 0;
  const rate = await session.run([open(id, ids), generate(id, COPIED_TOKENS, extras)], ({ event }) => {
    if (event.case === "tokens" && firstMs === 0) firstMs = performance.now();
    if (event.case !== "finished") return undefined;
    guessed.drafted += event.value.draftedTokens;
    guessed.accepted += event.value.acceptedTokens;
    return (1000 * (COPIED_TOKENS - 1)) / (performance.now() - firstMs);
  });
  await session.run([release([id])], ({ event }) => event.case === "done" || undefined);
  return rate;
}
