/** Masks without the ids that end a text, for generations that may not end yet. Cost: one pass over the words of a mask, once a generation. */
import { TrimtabError } from "#kit/errors.ts";
import type { CommandOf } from "./sequence.ts";

/** The mask of the next token after `generated` ones, i32 [ceil(vocabulary / 32)], 1 = allowed; null when the text may end. */
export type StopMask = (generated: number) => Int32Array | null;

/** The masks of a generation. */
export function createStopMask(
  { minTokens, stopIds, haltIds }: CommandOf<"generate">,
  vocabulary: number,
): StopMask {
  let mask: Int32Array | undefined;
  return (generated) =>
    generated < minTokens ? (mask ??= maskWithout([...stopIds, ...haltIds], vocabulary)) : null;
}

/** What a generation fails with that may not end and has nothing else to say. */
export function nothingElse(): TrimtabError {
  const message = "min_tokens: every token of the vocabulary ends the generation";
  return new TrimtabError("FIELD_OUT_OF_RANGE", message, { field: "min_tokens" });
}

function maskWithout(ids: readonly number[], vocabulary: number): Int32Array {
  const mask = new Int32Array(Math.ceil(vocabulary / 32)).fill(-1);
  const rest = vocabulary & 31;
  if (rest > 0) mask[mask.length - 1] = (1 << rest) - 1;
  for (const id of ids) if (id < vocabulary) mask[id >> 5] = (mask[id >> 5] ?? 0) & ~(1 << (id & 31));
  return mask;
}
