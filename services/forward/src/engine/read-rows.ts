/**
 * The rows of the last layer that somebody reads. The others need their keys and values there and nothing else, so the rest of the
 * layer is computed for those that are read alone: of a prompt its end. They are moved to the front, past what is cut out. Cost: a
 * copy of the residual and the queries of every row that moves, and the layout of the smaller batch.
 */
import { queryBytes } from "#kernels";
import type { LayerKv } from "../model/kv-layout.ts";
import type { Pass } from "./blocks/pass.ts";
import type { Hooks } from "./hooks.ts";
import { layOut } from "./lay-out.ts";
import type { BatchRow } from "./step.ts";
import type { Workspace } from "./workspace.ts";

/** A pass and the rows that it computes. */
export interface Rows {
  readonly pass: Pass;
  readonly batch: readonly BatchRow[];
}

/**
 * The pass over the rows that somebody reads in this layer or after it, keys and values of all of them being stored.
 * @param hooksOf the hooks of a smaller batch
 */
export function keepRead(
  { pass, batch }: Rows,
  layer: number,
  hooksOf: (batch: readonly BatchRow[]) => Hooks,
): Rows {
  const kept = [...batch.keys()].filter(
    (row) => batch[row]?.onLogits !== null || batch[row]?.keeps || pass.hooks.actsOn(row, layer),
  );
  if (kept.length === batch.length) return { pass, batch };
  const read = kept.map((row) => batch[row] as BatchRow);
  const rows = read.length;
  if (rows === 0) return { pass: { ...pass, rows }, batch: read };
  moveRows(pass, kept, layer);
  return { pass: { ...pass, rows, hooks: hooksOf(read), ...layOut(read, pass.space) }, batch: read };
}

/** Moves rows, ascending, to the front: their residuals and what the attention of the layer is asked. */
function moveRows({ space, config }: Pass, kept: readonly number[], layer: number): void {
  const { shape } = space.kvLayers[layer] as LayerKv;
  moveTo(space, space.x, config.width * 4, kept);
  moveTo(space, space.query, queryBytes(1, config.heads, shape), kept);
}

function moveTo({ memory }: Workspace, at: number, bytes: number, kept: readonly number[]): void {
  const all = new Uint8Array(memory.buffer);
  for (const [to, from] of kept.entries()) {
    if (to === from) continue;
    all.copyWithin(at + to * bytes, at + from * bytes, at + (from + 1) * bytes);
  }
}
