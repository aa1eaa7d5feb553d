/**
 * Measurements at start-up: single steps on a page nobody has yet, until somebody wants something. First those that choose the
 * runs of weights (stream-choice.ts), then, where that is to be chosen, those that choose the number of threads; both go on
 * with the steps of whoever comes meanwhile. The steps also warm the kernels. Cost: some 20 decode steps, 400 ms at most.
 */
import { PAGE_TOKENS } from "#kernels";
import type { BatchRow, Forward } from "./step.ts";
import type { StreamChoice } from "./stream-choice.ts";
import type { ThreadChoice } from "./thread-choice.ts";

/** What the measurements may take together. */
const LONGEST_MS = 400;

/** What a rehearsal works with. */
export interface RehearsalParts {
  /** Runs on the threads in use. */
  readonly streams: StreamChoice;
  /** Runs on as many threads as `choice` says. */
  readonly chosen: Forward;
  readonly choice: ThreadChoice | null;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/** A rehearsal: each call runs a step; false when nothing is left to measure. */
export function createRehearsal({ streams, chosen, choice, now }: RehearsalParts): () => boolean {
  const table = { pages: [0], length: PAGE_TOKENS };
  const row: BatchRow = {
    id: 0,
    position: 0,
    table,
    heads: null,
    collector: null,
    onLogits: () => undefined,
  };
  let beganMs: number | null = null;
  return () => {
    beganMs ??= now();
    if (now() - beganMs > LONGEST_MS) return false;
    if (streams.isChoosing) streams.run([row]);
    else if (choice?.isStarting) chosen.run([row]);
    else return false;
    return true;
  };
}
