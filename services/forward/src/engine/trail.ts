/**
 * The trail of a row: its residual stream before every block and after the last one. The last token of a prompt is computed twice when
 * taps are read at it: for the taps, and for its logits, maybe under a program that was chosen by them. What comes before the first
 * block in which something acts is the same, to the bit: there only keys and values are stored again, for the page they
 * go to may be a new one, and nothing else is computed. Cost: [blocks + 1, width] floats a prompt that waits for its generation.
 */
import type { ChainHeads } from "./binding.ts";
import type { BatchRow } from "./step.ts";
import type { Workspace } from "./workspace.ts";

/** Residuals of one row, f32 [width] by block; those after the last block come last. Filled by the pass that computes the row. */
export interface Trail {
  readonly position: number;
  readonly residuals: Float32Array[];
}

/** Notes the residuals of the rows that keep a trail. @param width floats of a row */
export function keepTrails(batch: readonly BatchRow[], block: number, space: Workspace, width: number): void {
  for (let row = 0; row < batch.length; row++) {
    const keeps = batch[row]?.keeps;
    if (keeps) keeps.residuals[block] = residualOf(space, row, width).slice();
  }
}

/** Puts the rows of a batch, all of which follow a trail, where they stood before a block. */
export function followTrails(
  batch: readonly BatchRow[],
  block: number,
  space: Workspace,
  width: number,
): void {
  for (const [row, { follows }] of batch.entries()) {
    const residual = follows?.residuals[block];
    if (!residual) throw new RangeError(`no trail before block ${block}`);
    residualOf(space, row, width).set(residual);
  }
}

/** Blocks at the beginning in which nothing acts on any row, all rows being known there; 0 if some row has no trail. */
export function knownBlocks(batch: readonly BatchRow[], blocks: number): number {
  if (!batch.every(({ follows, collector }) => follows && !collector)) return 0;
  return Math.min(blocks, ...batch.map(({ heads }) => firstActing(heads, blocks)));
}

/** The first block in which a program acts on a row; their number if there is none. */
function firstActing(heads: ChainHeads | null, blocks: number): number {
  const acting = [...(heads ?? [])].flatMap((head, place) => (head === 0 ? [] : [place % blocks]));
  return Math.min(blocks, ...acting);
}

const residualOf = ({ memory, x }: Workspace, row: number, width: number): Float32Array =>
  new Float32Array(memory.buffer, x + row * width * 4, width);
