/**
 * Measurements at start-up: single steps on a page nobody has yet, until somebody wants something. First, through how many
 * runs of weights at once memory gives most (processors differ: kernels/assembly/matmul-row.ts), in pairs of steps whose
 * better half changes; then, where that is to be chosen, the number of threads. The steps also warm the kernels.
 * Bits depend on neither. Cost: some 20 decode steps, 400 ms at most.
 */
import type { Operators } from "#kernels";
import { PAGE_TOKENS, STREAM_COUNTS } from "#kernels";
import type { BatchRow, Forward } from "./step.ts";
import type { ThreadChoice } from "./thread-choice.ts";

/** What the measurements may take together. */
const LONGEST_MS = 400;
const WARM_STEPS = 4;
const PAIRS = 5;

/** What a rehearsal works with. */
export interface RehearsalParts {
  /** Runs on the threads in use. */
  readonly forward: Forward;
  /** Runs on as many threads as `choice` says. */
  readonly chosen: Forward;
  readonly choice: ThreadChoice | null;
  readonly operators: Operators;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/** A rehearsal: each call runs a step; false when nothing is left to measure. */
export function createRehearsal({ forward, chosen, choice, operators, now }: RehearsalParts): () => boolean {
  const table = { pages: [0], length: PAGE_TOKENS };
  const row: BatchRow = {
    id: 0,
    position: 0,
    table,
    heads: null,
    collector: null,
    onLogits: () => undefined,
  };
  const [usual, other] = STREAM_COUNTS;
  const ratios: number[] = [];
  let warmSteps = 0;
  let beganMs: number | null = null;

  const timed = (streams: number): number => {
    operators.useStreams(streams);
    const fromMs = now();
    forward.run([row]);
    return now() - fromMs;
  };
  const comparePair = (): void => {
    const isUsualFirst = ratios.length % 2 === 0;
    const first = timed(isUsualFirst ? usual : other);
    const second = timed(isUsualFirst ? other : usual);
    ratios.push(isUsualFirst ? second / first : first / second);
    const isBetter = (ratios.toSorted((a, b) => a - b)[ratios.length >> 1] ?? 1) < 1;
    operators.useStreams(isBetter ? other : usual);
  };
  return () => {
    beganMs ??= now();
    if (now() - beganMs > LONGEST_MS) return false;
    if (warmSteps < WARM_STEPS) {
      warmSteps++;
      forward.run([row]);
    } else if (ratios.length < PAIRS) comparePair();
    else if (choice?.isStarting) chosen.run([row]);
    else return false;
    return true;
  };
}
