/**
 * How many threads a step uses, measured on the steps themselves: more are not always faster, for memory may be the limit
 * or another program may hold the processor, and then everybody waits for the thread that has none.
 *
 * Now and then the number in use is tried against another one, in pairs of steps with equal rows, either first in every
 * second pair; the median of their ratios decides. Steps of few rows (bound by memory) and of many (by arithmetic) choose
 * apart. Bits do not depend on it. Cost: four pairs, or two where the other number is plainly worse, at most every
 * two seconds of computing.
 */
import type { Operators } from "#kernels";
import type { Forward } from "./step.ts";

/** The number of threads for every step. */
export interface ThreadChoice {
  /** Threads for the next step. */
  choose(rows: number): number;
  /** What that step took. */
  note(ms: number): void;
  /** Whether steps of few rows are being compared for the first time. */
  readonly isStarting: boolean;
}

/** Rows up to which weights are read faster than they are multiplied with. */
const FEW_ROWS = 8;
const PAIRS = 4;
/** Two pairs this bad end a trial. */
const HOPELESS = 1.5;
/** A change must gain this much. */
const GAIN = 0.97;
/** Milliseconds of steps between trials: doubled each time nothing changes. */
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;

/** What steps of one size know. */
interface Size {
  threads: number;
  /** The number on trial, or null between trials. */
  other: number | null;
  /** Time of the other number over that of the one in use, a pair each. */
  ratios: number[];
  /** First half of a pair: its rows and time. */
  half: { readonly rows: number; readonly ms: number } | null;
  pauseMs: number;
  leftMs: number;
  trials: number;
}

/** A choice among 1 to `most` threads that begins with `most`. */
export function createThreadChoice(most: number): ThreadChoice {
  const start = (): Size => {
    const common = { threads: most, other: null, ratios: [], half: null };
    return { ...common, pauseMs: FIRST_PAUSE_MS, leftMs: 0, trials: 0 };
  };
  const few = start();
  const many = start();
  let size = few;
  let rows = 0;
  return {
    choose(count) {
      size = count <= FEW_ROWS ? few : many;
      rows = count;
      if (size.other === null && size.leftMs <= 0) begin(size, most);
      if (size.half !== null && size.half.rows !== rows) size.half = null;
      return size.other !== null && isOtherNext(size) ? size.other : size.threads;
    },
    note(ms) {
      if (size.other === null) size.leftMs -= ms;
      else if (size.half === null) size.half = { rows, ms };
      else {
        const [own, other] = isOtherNext(size) ? [size.half.ms, ms] : [ms, size.half.ms];
        size.ratios.push(other / own);
        size.half = null;
        settle(size);
      }
    },
    get isStarting() {
      return most > 1 && few.trials === 0;
    },
  };
}

/** Pairs begin with either number in turn. */
function isOtherNext({ ratios, half }: Size): boolean {
  return (ratios.length % 2 === 1) === (half === null);
}

/** Begins a trial of a neighbouring number, half of it or its double, in turn. */
function begin(size: Size, most: number): void {
  const { threads, trials } = size;
  const near = [threads - 1, threads + 1, threads >> 1, threads * 2];
  const others = [...new Set(near)].filter((count) => count >= 1 && count <= most && count !== threads);
  size.other = others[trials % Math.max(1, others.length)] ?? null;
  size.ratios = [];
  size.half = null;
}

/** Ends a trial that has seen enough. */
function settle(size: Size): void {
  const { ratios, other } = size;
  const isHopeless = ratios.length === 2 && ratios.every((ratio) => ratio > HOPELESS);
  if (other === null || (ratios.length < PAIRS && !isHopeless)) return;
  const sorted = ratios.toSorted((a, b) => a - b);
  const median = ((sorted[(sorted.length - 1) >> 1] ?? 1) + (sorted[sorted.length >> 1] ?? 1)) / 2;
  if (median < GAIN) {
    size.threads = other;
    size.pauseMs = FIRST_PAUSE_MS;
  } else size.pauseMs = Math.min(LONGEST_PAUSE_MS, 2 * size.pauseMs);
  size.leftMs = size.pauseMs;
  size.other = null;
  size.trials++;
}

/** A forward pass whose steps run on as many threads as `choice` says. */
export function chooseThreads(
  forward: Forward,
  operators: Operators,
  choice: ThreadChoice,
  now: () => number,
): Forward {
  return {
    run(batch) {
      operators.useThreads(choice.choose(batch.length));
      const beganMs = now();
      const pages = forward.run(batch);
      choice.note(now() - beganMs);
      return pages;
    },
  };
}
