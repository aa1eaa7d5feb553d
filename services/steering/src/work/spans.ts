/**
 * Which positions of a text are read where rows are averaged: the one place that says so for builds, fits, extracted vectors and norms.
 *
 * The first token of a sequence sees nothing but itself and becomes the attention's sink: its row is many times as long as any other
 * and says which token a text begins with. It is left out wherever a whole text is read. (SmolLM2: ‖h‖ 25,000 at
 * it in block 11, 110 to 150 at the others.)
 */
import type { CaptureText } from "./capture.ts";
import type { Rendered } from "./text.ts";

/** Tokens at the beginning of a sequence that no average reads. */
export const SINK_TOKENS = 1;

/** A whole text without the sink; of a text that is nothing else, the sink. */
export function textSpan(ids: readonly number[]): CaptureText {
  return { ids, first: Math.max(0, Math.min(SINK_TOKENS, ids.length - 1)) };
}

/** The answer of a turn; of a turn without one, its last token. */
export function answerSpan({ ids, answerTokens }: Rendered): CaptureText {
  return { ids, first: ids.length - Math.max(1, answerTokens) };
}
