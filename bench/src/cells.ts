/** The configurations of the speeds every engine has. */
import type { Cell } from "./contender.ts";

const decode = (context: number, steps: number): Cell => ({ metric: "decode", context, batch: 1, steps });
const batch = (context: number, steps: number): Cell => ({ metric: "batch", context, batch: 16, steps });
const prefill = (context: number): Cell => ({ metric: "prefill", context, batch: 1, steps: 1 });

/**
 * A few minutes' worth. Whoever was measured before leaves the caches full of his own: the first steps of a fast engine are
 * slower, and a decode is long enough that they do not decide.
 */
export const QUICK_CELLS: readonly Cell[] = [decode(0, 64), decode(2048, 16), prefill(512), batch(0, 12)];

/** All of them. */
export const ALL_CELLS: readonly Cell[] = [
  decode(0, 64),
  decode(512, 32),
  decode(2048, 24),
  prefill(128),
  prefill(512),
  batch(0, 24),
  batch(512, 16),
];
