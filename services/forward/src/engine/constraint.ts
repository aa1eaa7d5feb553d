/**
 * Constraints of generations: which tokens may come next is known by a matcher beside the engine. A generation whose mask
 * is not there yet gets no rows; the first one waits for its grammar, later ones are as a rule there in time.
 */
import { TrimtabError } from "#kit/errors.ts";
import type { Matcher } from "../grammar/matching.ts";
import type { CommandOf, GenerateJob, Sequence } from "./sequence.ts";
import type { CoreState } from "./state.ts";
import { plainError } from "../plain-error.ts";

/** Compiles a grammar before it is needed. */
export function prepareConstraint(state: CoreState, { call, grammar, key }: CommandOf<"constraint">): void {
  state.grammars.prepare(grammar, key, (error) => {
    if (error) state.emit({ type: "failed", call, error: plainError(error) });
    else state.emit({ type: "done", call, value: null });
    state.wake();
  });
}

/**
 * The matcher of a generation; null without constraint. The text of an equal, unfinished constraint goes on, whatever was
 * generated freely since and cut off again.
 * @param onReady called when a mask that was not there is there, or never will be
 * @throws TrimtabError why the grammar cannot be used, if that is known already
 */
export function beginConstraint(
  state: CoreState,
  sequence: Sequence,
  { constraint, stopIds }: CommandOf<"generate">,
  onReady: () => void,
): Matcher | null {
  const before = sequence.constrained;
  const { ids } = sequence;
  if (!constraint) {
    if (before) sequence.constrained = { ...before, until: Math.min(before.until, ids.length) };
    return null;
  }
  const { digest } = constraint;
  const goesOn = before?.digest === digest && ids.length <= before.until;
  sequence.constrained = { digest, from: goesOn ? before.from : ids.length, until: Infinity };
  const { fairnessKey } = sequence.caller;
  const text = ids.slice(sequence.constrained.from);
  const matcher = state.grammars.begin(constraint, fairnessKey, stopIds, text, onReady);
  try {
    matcher.mask(0);
  } catch (error) {
    matcher.end();
    throw error;
  }
  return matcher;
}

/**
 * The mask of the next token of a job; null lets the job wait and its row be computed again. All jobs of a step share the time that is
 * waited, so that a thread which is busy with a new grammar does not hold up the others once for each of them.
 */
export function takeMask(state: CoreState, job: GenerateJob, matcher: Matcher): Int32Array | null {
  const beganMs = state.now();
  try {
    const mask = matcher.mask(Math.max(0, state.maskWaitMs));
    job.isHeld = mask === null;
    return mask;
  } catch (error) {
    job.failure = error instanceof TrimtabError ? error : new TrimtabError("INTERNAL", String(error));
    return null;
  } finally {
    state.maskWaitMs -= state.now() - beganMs;
  }
}

/** What a generation fails with when its mask allows no token that the model can say. */
export function deadEnd(): TrimtabError {
  const message = "constraint: no token of the vocabulary continues the text";
  return new TrimtabError("BACKEND_CAPABILITY", message, { field: "constraint" });
}
