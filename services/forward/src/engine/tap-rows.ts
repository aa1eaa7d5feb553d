/**
 * Rows on their way into taps: final norm, projection or logits, computed for runs of adjacent rows by the kernels. No
 * bit of a row depends on the others. Uses the workspace's normed, quantized and projected rows and its logits, which
 * nothing else needs between operators. Cost: an f32 product of [rank, dim] a projected row, one with the head for logits.
 */
import type { Operators, Pointer } from "#kernels";
import type { Head } from "./head.ts";
import type { TapCell } from "./tap-cells.ts";
import type { Workspace } from "./workspace.ts";

/** A row of the batch that a cell takes. */
export interface WantedRow {
  readonly row: number;
  readonly position: number;
  readonly cell: TapCell;
}

/** Gives rows of f32 [*, dim] at `x` to their cells; rows ascend. */
export type TapReader = (x: Pointer, dim: number, wanted: readonly WantedRow[]) => void;

/** A reader over a workspace. */
export function createTapReader(ops: Operators, space: Workspace, head: Head): TapReader {
  const { buffer } = space.memory;
  const give = (at: Pointer, dim: number, run: readonly WantedRow[]): void => {
    for (const [index, { cell, position }] of run.entries()) {
      cell.take(position, new Float32Array(buffer, at + index * dim * 4, dim));
    }
  };
  const transform = (x: Pointer, dim: number, run: readonly WantedRow[]): void => {
    const { row: first, cell } = run[0] as WantedRow;
    const rows = run.length;
    const from = x + first * dim * 4;
    const at = cell.finalNorm ? head.normalize(from, rows) : from;
    if (cell.projector === null) return give(at, dim, run);
    const { matrix, rank } = cell.projector;
    const input = space.quantized.f32;
    ops.quantize({ x: at, form: "f32", rows, cols: dim, out: input });
    ops.matmul({ weight: matrix, x: input, rows, y: space.projected, yStride: rank, accumulate: false });
    give(space.projected, rank, run);
  };
  return (x, dim, wanted) => {
    for (const { row, position, cell } of wanted) {
      if (cell.finalNorm || cell.projector || cell.wantsLogits) continue;
      cell.take(position, new Float32Array(buffer, x + row * dim * 4, dim));
    }
    const logits = wanted.filter(({ cell }) => cell.wantsLogits);
    const rows = logits.map(({ row }) => row);
    head.read(x, rows, (index, at) => {
      const { cell, position } = logits[index] as WantedRow;
      cell.takeLogits(position, at);
    });
    for (const run of runsOf(wanted)) transform(x, dim, run);
  };
}

/** Runs of adjacent rows that are transformed alike. */
function runsOf(wanted: readonly WantedRow[]): WantedRow[][] {
  const runs: WantedRow[][] = [];
  const open = new Map<string, WantedRow[]>();
  for (const one of wanted) {
    const { finalNorm, projector, wantsLogits } = one.cell;
    if (wantsLogits || (!finalNorm && projector === null)) continue;
    const key = `${finalNorm} ${projector?.matrix.pointer}`;
    const run = open.get(key);
    if (run && run.at(-1)?.row === one.row - 1) run.push(one);
    else {
      const started = [one];
      open.set(key, started);
      runs.push(started);
    }
  }
  return runs;
}
