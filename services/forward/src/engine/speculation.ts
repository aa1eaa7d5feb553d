/**
 * Prompt-lookup speculation: what followed the last few tokens when they occurred before is guessed to follow again. The
 * guesses are rows of the same step; one is kept only where it equals the token drawn at that place, with the noise of
 * that place, so the answer is that of a generation without.
 *
 * Drafts grow while they are right and shrink when they are wrong; after one that was wrong from its first token the
 * drafter skips 1, 2, 4 … 64 steps, so that text that does not repeat costs next to nothing.
 * Source: prompt lookup decoding (Saxena 2023). Cost: one backward search over the tokens a step.
 */
import type { PromptLookup } from "./protocol.ts";

/** The guesses of one generation. */
export interface Drafter {
  readonly drafted: number;
  readonly accepted: number;
  /** Tokens that may follow `ids`; at most `room`. */
  draft(ids: readonly number[], room: number): readonly number[];
  /** How many of `drafted` guesses were kept. */
  settle(drafted: number, accepted: number): void;
}

const FIRST_DRAFT = 2;
const MAX_SKIPPED_STEPS = 64;
/** Tokens searched backward at most, so that a long context does not slow down every step. */
const SEARCHED_TOKENS = 8_192;

/** A drafter that has not guessed yet. */
export function createDrafter({ ngram, maxDraft }: PromptLookup): Drafter {
  let drafted = 0;
  let accepted = 0;
  let length = Math.min(FIRST_DRAFT, maxDraft);
  let skip = 0;
  let nextSkip = 1;
  return {
    get drafted() {
      return drafted;
    },
    get accepted() {
      return accepted;
    },
    draft(ids, room) {
      if (skip > 0) {
        skip--;
        return [];
      }
      const end = lastOccurrence(ids, ngram);
      return end < 0 ? [] : ids.slice(end, end + Math.min(length, room));
    },
    settle(guessed, kept) {
      drafted += guessed;
      accepted += kept;
      if (kept > 0) nextSkip = 1;
      if (kept === guessed) length = Math.min(length * 2, maxDraft);
      else length = Math.max(1, Math.min(kept + 1, length));
      if (kept > 0) return;
      skip = nextSkip;
      nextSkip = Math.min(nextSkip * 2, MAX_SKIPPED_STEPS);
    },
  };
}

/** One past the last earlier occurrence of the last `ngram` ids, or -1. */
function lastOccurrence(ids: readonly number[], ngram: number): number {
  const tail = ids.length - ngram;
  const first = Math.max(0, tail - SEARCHED_TOKENS);
  for (let start = tail - 1; start >= first; start--) {
    let same = 0;
    while (same < ngram && ids[start + same] === ids[tail + same]) same++;
    if (same === ngram) return start + ngram;
  }
  return -1;
}
