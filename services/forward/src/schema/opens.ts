/** OpenCommand → the engine's open, with what may be shared with other opens of the same message. */
import { TrimtabError } from "#kit/errors.ts";
import type { OpenCommand } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import type { StreamEvent } from "../engine/client.ts";
import type { ForestOpen } from "../engine/forest.ts";
import type { Binding, Caller, ScoreSpec, SequenceId } from "../engine/protocol.ts";
import type { ModelInfo } from "../engine/runtime.ts";
import type { TapSpec } from "../engine/taps.ts";
import { tapRange } from "../engine/taps.ts";
import { MAX_LOGIT_ROWS, MAX_PROJECTION_RANK, MAX_TAP_BYTES } from "../../limits.ts";
import { siteDim } from "../programs/program.ts";
import { toBinding } from "./program.ts";
import { toTaps } from "./taps.ts";

/** A text to compute, of which `promptTokens` are prompt. */
export interface TextToOpen {
  readonly sequence: SequenceId;
  readonly caller: Caller;
  readonly ids: readonly number[];
  readonly promptTokens: number;
  readonly taps: readonly TapSpec[];
  readonly binding: Binding | null;
  readonly score: ScoreSpec | null;
  readonly transient: boolean;
  readonly mostTokens?: number;
  readonly onEvent?: (event: StreamEvent) => void;
}

/** Texts and what is read of them. */
type TappedTexts = readonly Pick<TextToOpen, "ids" | "taps">[];

/**
 * Refuses taps that would read more than a service should hold for one request.
 * @throws TrimtabError TOO_LARGE
 */
export function checkTapBytes(texts: TappedTexts, model: ModelInfo): void {
  let logitRows = 0;
  for (const { tap, rows } of tappedRows(texts)) if (tap.logits) logitRows += rows;
  if (logitRows > MAX_LOGIT_ROWS) {
    const message = `these taps ask for logits of ${logitRows} rows`;
    throw new TrimtabError("TOO_LARGE", message, { field: "taps", limit: `${MAX_LOGIT_ROWS} rows` });
  }
  const bytes = tapBytes(texts, model, MAX_PROJECTION_RANK);
  if (bytes <= MAX_TAP_BYTES) return;
  throw new TrimtabError("TOO_LARGE", `these taps would read ${bytes} bytes`, {
    field: "taps",
    limit: `${MAX_TAP_BYTES} bytes`,
  });
}

/** Bytes of the rows that taps read; `rank`: floats of a projected row at most. */
export function tapBytes(texts: TappedTexts, model: ModelInfo, rank: number): number {
  const shape = { ...model, headsWidth: model.heads * model.headDim };
  return tappedRows(texts).reduce((sum, { tap, rows }) => {
    const dim = siteDim(tap.site, shape);
    return sum + (tap.logits ? 0 : rows * (tap.projection === undefined ? dim : Math.min(dim, rank)) * 4);
  }, 0);
}

/** Rows that each tap reads of each text, over all its layers. */
function tappedRows(texts: TappedTexts): { readonly tap: TapSpec; readonly rows: number }[] {
  return texts.flatMap(({ ids, taps }) =>
    taps.map((tap) => {
      const { first, end } = tapRange(tap, ids.length, false);
      return { tap, rows: (tap.pooling === "none" ? Math.max(0, end - first) : 1) * tap.layers.length };
    }),
  );
}

/** The forest entry of a text: its first tokens may be shared up to the first one read or changed for it alone. */
export function toForestOpen({ onEvent, ...text }: TextToOpen): ForestOpen {
  const firstTapped = text.taps.map((tap) => tapRange(tap, text.ids.length, false).first);
  const scored = text.score ? text.score.first - 1 : text.ids.length - 1;
  const shareable = Math.max(0, Math.min(text.ids.length - 1, text.promptTokens - 1, scored, ...firstTapped));
  return { command: { ...text, complete: false }, shareable, ...(onEvent ? { onEvent } : {}) };
}

/** An OpenCommand as a text. @throws TrimtabError FIELD_REQUIRED and those of taps */
export function toText(
  open: OpenCommand,
  sequence: SequenceId,
  caller: Caller,
  model: ModelInfo,
): TextToOpen {
  if (open.ids.length === 0) throw new TrimtabError("FIELD_REQUIRED", "ids are missing", { field: "ids" });
  const taps = toTaps(open.taps, model);
  const binding = toBinding(open.program);
  checkTapBytes([{ ids: open.ids, taps }], model);
  return {
    sequence,
    caller,
    ids: open.ids,
    promptTokens: open.ids.length,
    taps,
    binding,
    score: null,
    transient: false,
  };
}
