/**
 * Taps: activations read where the forward pass makes them, folded on the spot in position order, so that the result
 * does not depend on how the tokens were cut into steps. Cost: one copy of the row, or one pass over it.
 */
import type { Site } from "../programs/program.ts";

/** A request for activations. */
export interface TapSpec {
  readonly site: Site;
  /** Block indices. */
  readonly layers: readonly number[];
  /** `last`: the last token of a prompt, every token of a generation. */
  readonly positions: "last" | "range";
  /** First and one past the last absolute position of a range; an end of 0 is the end of the sequence. */
  readonly first: number;
  readonly end: number;
  readonly pooling: "none" | "mean" | "max_norm" | "last";
}

/** The positions [first, end) a tap reads on a sequence of `tokens`; generations have no end. */
export function tapRange(tap: TapSpec, tokens: number, generating: boolean): { first: number; end: number } {
  const end = generating ? Number.POSITIVE_INFINITY : tokens;
  if (tap.positions === "last") return { first: tokens - 1, end };
  return { first: tap.first, end: tap.end === 0 ? end : Math.min(tap.end, end) };
}

/** What a tap read: f32 [rows, dim] from one layer. */
export interface Activation {
  readonly tap: number;
  readonly site: Site;
  readonly layer: number;
  readonly firstPosition: number;
  readonly rows: number;
  readonly values: Float32Array;
}

/** Collects the rows of one command's taps. */
export interface TapCollector {
  /** Whether a row at this place and position is wanted. */
  wants(site: Site, layer: number, position: number): boolean;
  /** Takes a row; positions of one layer must come in ascending order. The row is copied. */
  take(site: Site, layer: number, position: number, row: Float32Array): void;
  /** What was read since the last call; pooled taps appear only when `final`. */
  flush(final: boolean): Activation[];
  /** Bytes of rows waiting to be flushed. */
  readonly waitingBytes: number;
}

interface Cell {
  readonly tap: number;
  readonly spec: TapSpec;
  readonly layer: number;
  firstPosition: number;
  rows: Float32Array[];
  sum: Float64Array | null;
  count: number;
}

/** A collector for the taps of one command, with positions resolved by `tapRange`. */
export function createTapCollector(
  requested: readonly TapSpec[],
  tokens: number,
  generating: boolean,
): TapCollector {
  const taps = requested.map((tap) => ({ ...tap, ...tapRange(tap, tokens, generating) }));
  const cells = new Map<string, Cell[]>();
  for (const [tap, spec] of taps.entries()) {
    for (const layer of spec.layers) {
      const key = `${spec.site} ${layer}`;
      const cell: Cell = { tap, spec, layer, firstPosition: -1, rows: [], sum: null, count: 0 };
      const list = cells.get(key);
      if (list) list.push(cell);
      else cells.set(key, [cell]);
    }
  }
  let waitingBytes = 0;
  const at = (site: Site, layer: number, position: number): Cell[] =>
    (cells.get(`${site} ${layer}`) ?? []).filter(({ spec }) => position >= spec.first && position < spec.end);

  return {
    wants: (site, layer, position) => at(site, layer, position).length > 0,
    take(site, layer, position, row) {
      for (const cell of at(site, layer, position)) {
        if (cell.firstPosition < 0) cell.firstPosition = position;
        cell.count++;
        if (cell.spec.pooling === "none") {
          cell.rows.push(row.slice());
          waitingBytes += row.byteLength;
        } else fold(cell, row);
      }
    },
    get waitingBytes() {
      return waitingBytes;
    },
    flush(final) {
      waitingBytes = 0;
      return [...cells.values()].flatMap((list) => list.flatMap((cell) => flushCell(cell, final)));
    },
  };
}

function fold(cell: Cell, row: Float32Array): void {
  const sum = (cell.sum ??= new Float64Array(row.length));
  for (let i = 0; i < row.length; i++) {
    const value = row[i] ?? 0;
    const before = sum[i] ?? 0;
    if (cell.spec.pooling === "mean") sum[i] = before + value;
    else if (cell.spec.pooling === "last") sum[i] = value;
    else if (Math.abs(value) > Math.abs(before)) sum[i] = value;
  }
}

function flushCell(cell: Cell, final: boolean): Activation[] {
  const { tap, layer, spec, firstPosition, count } = cell;
  const about = { tap, site: spec.site, layer, firstPosition };
  if (spec.pooling === "none") {
    if (cell.rows.length === 0) return [];
    const dim = cell.rows[0]?.length ?? 0;
    const values = new Float32Array(cell.rows.length * dim);
    for (const [index, row] of cell.rows.entries()) values.set(row, index * dim);
    const rows = cell.rows.length;
    cell.rows = [];
    cell.firstPosition = -1;
    return [{ ...about, rows, values }];
  }
  if (!final || cell.sum === null) return [];
  const divisor = spec.pooling === "mean" ? count : 1;
  return [{ ...about, rows: 1, values: Float32Array.from(cell.sum, (value) => value / divisor) }];
}
