/**
 * Cells: what one tap has read of one layer. Rows of all cells of a command lie in one buffer in the order they came,
 * so that a step's worth leaves with one copy; pooled rows are folded in f64. Positions come in ascending order.
 */
import type { Pointer } from "#kernels";
import type { BoundProjection } from "./projections.ts";
import type { Activation, BoundTap, LogitsSpec, RowLogits } from "./taps.ts";

/** One layer of one tap. */
export interface TapCell {
  /** Positions [first, end) are wanted. */
  readonly first: number;
  readonly end: number;
  readonly finalNorm: boolean;
  readonly projector: BoundProjection | null;
  /** Whether it takes logits; else it takes rows. */
  readonly wantsLogits: boolean;
  /** Takes a row; it is copied. */
  take(position: number, row: Float32Array): void;
  /** Takes the logits of a row, f32 [vocabulary]. */
  takeLogits(position: number, logits: Pointer): void;
  /** What is ready; `values` is what the buffer held. */
  flush(values: Float32Array, final: boolean): Activation[];
  /** Bytes waiting outside the buffer. */
  readonly waitingBytes: number;
}

/** What cells work with. */
export interface CellServices {
  readonly buffer: RowBuffer;
  /** Reads a row of logits. */
  readonly readLogits: (logits: Pointer, spec: LogitsSpec) => Omit<RowLogits, "position">;
}

/** Which tap and layer a cell belongs to. */
type About = Pick<Activation, "tap" | "site" | "layer">;

const NOTHING = new Float32Array();
/** Rough bytes of one position's logits besides its entries, and of an entry. */
const LOGITS_BYTES = 64;
const ENTRY_BYTES = 16;

/** A growing run of floats. */
export interface RowBuffer {
  /** Copies a row behind the others and answers its offset in floats. */
  append(row: Float32Array): number;
  /** The floats so far, and none from now on. */
  take(): Float32Array;
  readonly usedBytes: number;
}

/** An empty buffer. */
export function createRowBuffer(): RowBuffer {
  let floats = NOTHING;
  let used = 0;
  return {
    append(row) {
      if (used + row.length > floats.length) {
        const larger = new Float32Array(2 * (used + row.length));
        larger.set(floats.subarray(0, used));
        floats = larger;
      }
      floats.set(row, used);
      used += row.length;
      return used - row.length;
    },
    take() {
      const taken = floats.slice(0, used);
      used = 0;
      return taken;
    },
    get usedBytes() {
      return used * 4;
    },
  };
}

/** A cell that keeps every row. */
export function createRowsCell(tap: BoundTap, about: About, { buffer }: CellServices): TapCell {
  /** Runs of rows that lie side by side in the buffer. */
  let runs: { readonly firstPosition: number; readonly start: number; end: number; rows: number }[] = [];
  return {
    ...common(tap),
    take(position, row) {
      const start = buffer.append(row);
      const last = runs.at(-1);
      if (last?.end === start && last.firstPosition + last.rows === position) {
        last.end += row.length;
        last.rows++;
      } else runs.push({ firstPosition: position, start, end: start + row.length, rows: 1 });
    },
    flush(values) {
      const ready = runs.map(({ firstPosition, start, end, rows }) => {
        return { ...about, firstPosition, rows, values: values.subarray(start, end), logits: [] };
      });
      runs = [];
      return ready;
    },
  };
}

/** A cell that folds rows into one. */
export function createPooledCell(tap: BoundTap, about: About): TapCell {
  const { pooling } = tap;
  let firstPosition = -1;
  let count = 0;
  let folded: Float64Array | null = null;
  return {
    ...common(tap),
    take(position, row) {
      if (count === 0 || pooling === "last") firstPosition = position;
      count++;
      if (folded === null || pooling === "last") folded = Float64Array.from(row);
      else if (pooling === "mean") addRow(folded, row);
      else keepLargest(folded, row);
    },
    flush(_values, final) {
      if (!final || folded === null) return [];
      const divisor = pooling === "mean" ? count : 1;
      const values = Float32Array.from(folded, (value) => value / divisor);
      return [{ ...about, firstPosition, rows: 1, values, logits: [] }];
    },
  };
}

/** A cell that keeps what the head makes of every row. */
export function createLogitsCell(tap: BoundTap, about: About, { readLogits }: CellServices): TapCell {
  const spec = tap.logits ?? { top: 0, ids: [] };
  let read: RowLogits[] = [];
  return {
    ...common(tap),
    wantsLogits: true,
    takeLogits: (position, logits) => void read.push({ position, ...readLogits(logits, spec) }),
    flush() {
      const logits = read;
      read = [];
      const firstPosition = logits[0]?.position;
      if (firstPosition === undefined) return [];
      return [{ ...about, firstPosition, rows: logits.length, values: NOTHING, logits }];
    },
    get waitingBytes() {
      return read.length * (LOGITS_BYTES + ENTRY_BYTES * (spec.top + spec.ids.length));
    },
  };
}

function common({ first, end, finalNorm = false, projector }: BoundTap) {
  const refuse = (): never => {
    throw new Error("a tap was given what it does not take");
  };
  const kind = { wantsLogits: false, take: refuse, takeLogits: refuse, waitingBytes: 0 };
  return { first, end, finalNorm, projector, ...kind };
}

function addRow(sum: Float64Array, row: Float32Array): void {
  for (let i = 0; i < row.length; i++) sum[i] = (sum[i] as number) + (row[i] as number);
}

function keepLargest(kept: Float64Array, row: Float32Array): void {
  for (let i = 0; i < row.length; i++) {
    const value = row[i] as number;
    if (Math.abs(value) > Math.abs(kept[i] as number)) kept[i] = value;
  }
}
