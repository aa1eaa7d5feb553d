/**
 * Through how many runs of weights at once a step of one row goes: processors differ by up to 1.4 times either way
 * (kernels/assembly/matmul-row.ts). Measured on the first such steps, in pairs of which either half comes first in turn; the
 * median of their ratios decides. It makes no difference whether they are rehearsed or somebody's: bits do not depend on it.
 */
import { type Operators, STREAM_COUNTS } from "#kernels";
import type { Forward } from "./step.ts";

/** A forward pass that chooses while it runs. */
export interface StreamChoice extends Forward {
  /** Whether it has not chosen yet. */
  readonly isChoosing: boolean;
}

/** Steps that warm the kernels and are not compared. */
const WARM_STEPS = 4;
/** Odd, so that one of them is the median. */
const PAIRS = 7;

/** `forward`, with the choice made on its steps of one row. `now`: monotonic milliseconds. */
export function chooseStreams(
  forward: Forward,
  operators: Pick<Operators, "useStreams">,
  now: () => number,
): StreamChoice {
  const [usual, other] = STREAM_COUNTS;
  /** Time of the other number over that of the usual one, a pair each. */
  const ratios: number[] = [];
  let warmSteps = 0;
  let firstMs: number | null = null;

  const note = (isUsual: boolean, ms: number): void => {
    if (firstMs === null) {
      firstMs = ms;
      return;
    }
    ratios.push(isUsual ? firstMs / ms : ms / firstMs);
    firstMs = null;
    if (ratios.length < PAIRS) return;
    const median = ratios.toSorted((a, b) => a - b)[PAIRS >> 1] ?? 1;
    operators.useStreams(median < 1 ? other : usual);
  };
  return {
    get isChoosing() {
      return ratios.length < PAIRS;
    },
    run(batch) {
      if (batch.length !== 1 || ratios.length === PAIRS) return forward.run(batch);
      if (warmSteps < WARM_STEPS) {
        warmSteps++;
        return forward.run(batch);
      }
      const isUsual = (ratios.length % 2 === 0) === (firstMs === null);
      operators.useStreams(isUsual ? usual : other);
      const beganMs = now();
      const pages = forward.run(batch);
      note(isUsual, now() - beganMs);
      return pages;
    },
  };
}
