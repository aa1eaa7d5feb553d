/**
 * Taps: activations read where the forward pass makes them, folded on the spot in position order, so that the result
 * does not depend on how the tokens were cut into steps. Cost: one copy of the row, or one pass over it; all rows of a
 * step lie in one buffer and leave together.
 */
import type { Site } from "../programs/program.ts";
import { SITES } from "../programs/program.ts";
import type { BoundProjection } from "./projections.ts";
import type { ScoredToken } from "./protocol.ts";
import type { CellServices, TapCell } from "./tap-cells.ts";
import { createLogitsCell, createPooledCell, createRowBuffer, createRowsCell } from "./tap-cells.ts";

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
  /** The model's final norm first; residual only. */
  readonly finalNorm?: boolean;
  /** Digest of a stored projection of the rows. */
  readonly projection?: string;
  /** Logits instead of rows; residual only, no pooling. */
  readonly logits?: LogitsSpec;
}

/** What is said of early-layer logits. */
export interface LogitsSpec {
  readonly top: number;
  readonly ids: readonly number[];
}

/** The positions [first, end) a tap reads on a sequence of `tokens`; generations have no end. */
export function tapRange(tap: TapSpec, tokens: number, generating: boolean): { first: number; end: number } {
  const end = generating ? Number.POSITIVE_INFINITY : tokens;
  if (tap.positions === "last") return { first: tokens - 1, end };
  return { first: tap.first, end: tap.end === 0 ? end : Math.min(tap.end, end) };
}

/** The next token as seen from one row. */
export interface RowLogits {
  readonly position: number;
  readonly top: ScoredToken["top"];
  readonly logprobs: readonly number[];
}

/** What a tap read of one layer: f32 [rows, dim], or logits. */
export interface Activation {
  readonly tap: number;
  readonly site: Site;
  readonly layer: number;
  readonly firstPosition: number;
  readonly rows: number;
  /** Empty for logits. Activations of one flush may share a buffer. */
  readonly values: Float32Array;
  readonly logits: readonly RowLogits[];
}

/** A tap with its positions and its projection resolved. */
export interface BoundTap extends TapSpec {
  readonly projector: BoundProjection | null;
}

/** Collects the rows of one command's taps. */
export interface TapCollector {
  /** Places (site index · layers + layer) that have cells. */
  readonly places: readonly number[];
  /** The cells of a place: one a tap. */
  at(place: number): readonly TapCell[] | undefined;
  /** What was read since the last call; pooled taps appear only when `final`. */
  flush(final: boolean): Activation[];
  /** Bytes waiting to be flushed. */
  readonly waitingBytes: number;
  /** Gives back the projections. */
  close(): void;
}

/**
 * A collector for the taps of one command.
 * @param layers blocks of the model
 */
export function createTapCollector(
  taps: readonly BoundTap[],
  layers: number,
  services: Omit<CellServices, "buffer">,
): TapCollector {
  const buffer = createRowBuffer();
  const all: TapCell[] = [];
  const places = new Map<number, TapCell[]>();
  for (const [tap, spec] of taps.entries()) {
    const make = spec.logits ? createLogitsCell : spec.pooling === "none" ? createRowsCell : createPooledCell;
    for (const layer of spec.layers) {
      const cell = make(spec, { tap, site: spec.site, layer }, { ...services, buffer });
      all.push(cell);
      const place = SITES.indexOf(spec.site) * layers + layer;
      const list = places.get(place);
      if (list) list.push(cell);
      else places.set(place, [cell]);
    }
  }
  return {
    places: [...places.keys()],
    at: (place) => places.get(place),
    get waitingBytes() {
      return all.reduce((sum, { waitingBytes }) => sum + waitingBytes, buffer.usedBytes);
    },
    flush(final) {
      const values = buffer.take();
      return all.flatMap((cell) => cell.flush(values, final));
    },
    close() {
      for (const { projector } of taps) projector?.release();
    },
  };
}
