/** Taps on hidden states a graph gives out: rows of the residual stream, folded like those of our own engine. */
import type { CommandOf } from "../../engine/sequence.ts";
import { createTapCollector, tapRange } from "../../engine/taps.ts";
import { SITES } from "../../programs/program.ts";
import type { JobContext } from "./jobs.ts";

/** The taps of one command. */
export interface HiddenTaps {
  /** Blocks whose hidden states are read. */
  readonly blocks: readonly number[];
  /** Positions [first, end) read by any tap; empty without taps. */
  readonly ranges: readonly { readonly first: number; readonly end: number }[];
  /** Takes the rows f32 [rows, width] of blocks, of the positions from `first` on, and reports what is ready. */
  take(first: number, hidden: ReadonlyMap<number, Float32Array>): void;
  /** Reports what pooled taps have folded. */
  finish(): void;
}

/** Taps of a command on a sequence of `tokens`. */
export function startTaps(
  { decoder, emit }: Pick<JobContext, "decoder" | "emit">,
  { taps, call }: Pick<CommandOf<"open" | "generate">, "taps" | "call">,
  tokens: number,
  generating: boolean,
): HiddenTaps {
  const { layers, width } = decoder;
  const ranges = taps.map((tap) => tapRange(tap, tokens, generating));
  const bound = taps.map((tap, index) => ({ ...tap, ...ranges[index], projector: null }));
  const collector = createTapCollector(bound, layers, {
    readLogits: () => {
      throw new Error("taps with logits are refused before");
    },
  });
  const placeOf = (block: number): number => SITES.indexOf("residual") * layers + block;
  const report = (final: boolean): void => {
    const activations = collector.flush(final);
    if (activations.length > 0) emit({ type: "activations", call, activations });
  };
  return {
    blocks: [...new Set(taps.flatMap((tap) => tap.layers))],
    ranges,
    take(first, hidden) {
      if (width === null) return;
      for (const [block, rows] of hidden) {
        for (const cell of collector.at(placeOf(block)) ?? []) {
          for (let index = 0; index * width < rows.length; index++) {
            const position = first + index;
            if (position < cell.first || position >= cell.end) continue;
            cell.take(position, rows.subarray(index * width, (index + 1) * width));
          }
        }
      }
      report(false);
    },
    finish: () => report(true),
  };
}
