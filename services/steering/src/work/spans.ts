/**
 * Which positions of a text are read where rows are averaged: the one place that says so for builds, fits, extracted vectors and norms.
 *
 * The first token of a sequence sees nothing but itself and becomes the attention's sink: its row is many times as long as any other
 * and says which token a text begins with. It is left out wherever plain texts are read. A templated prompt begins like all others,
 * and the conditions of rulesets read it whole.
 */
import type { CaptureText } from "./capture.ts";
import type { Rendered } from "./text.ts";

/** Tokens at the beginning of a sequence that no average reads. */
export const SINK_TOKENS = 1;

/** A whole text without the sink; of a text that is nothing else, the sink. */
export function textSpan(ids: readonly number[]): CaptureText {
  return { ids, first: Math.max(0, Math.min(SINK_TOKENS, ids.length - 1)) };
}

/** A templated prompt as the conditions of rulesets read it. */
export function promptSpan(ids: readonly number[]): CaptureText {
  return { ids, first: 0 };
}

/** The answer of a turn; of a turn without one, its last token. */
export function answerSpan({ ids, answerTokens }: Rendered): CaptureText {
  return { ids, first: ids.length - Math.max(1, answerTokens) };
}
