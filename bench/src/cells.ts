/** The configurations of the speeds every engine has. */
import type { Cell } from "./contender.ts";

const decode = (context: number, steps: number): Cell => ({ metric: "decode", context, batch: 1, steps });
const batch = (context: number, steps: number): Cell => ({ metric: "batch", context, batch: 16, steps });
const prefill = (context: number): Cell => ({ metric: "prefill", context, batch: 1, steps: 1 });

/** A few minutes' worth. */
export const QUICK_CELLS: readonly Cell[] = [decode(0, 32), decode(2048, 16), prefill(512), batch(0, 12)];

/** All of them. */
export const ALL_CELLS: readonly Cell[] = [
  decode(0, 48),
  decode(512, 32),
  decode(2048, 24),
  prefill(128),
  prefill(512),
  batch(0, 24),
  batch(512, 16),
];
