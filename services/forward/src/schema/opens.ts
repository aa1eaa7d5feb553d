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

/**
 * Refuses taps that would read more than a service should hold for one request.
 * @throws TrimtabError TOO_LARGE
 */
export function checkTapBytes(texts: readonly Pick<TextToOpen, "ids" | "taps">[], model: ModelInfo): void {
  const shape = { ...model, headsWidth: model.heads * model.headDim };
  const rows = (tap: TapSpec, tokens: number): number => {
    const { first, end } = tapRange(tap, tokens, false);
    return tap.pooling === "none" ? Math.max(0, end - first) : 1;
  };
  let bytes = 0;
  let logitRows = 0;
  for (const { ids, taps } of texts) {
    for (const tap of taps) {
      const read = rows(tap, ids.length) * tap.layers.length;
      const dim = siteDim(tap.site, shape);
      if (tap.logits) logitRows += read;
      else bytes += read * (tap.projection === undefined ? dim : Math.min(dim, MAX_PROJECTION_RANK)) * 4;
    }
  }
  if (logitRows > MAX_LOGIT_ROWS) {
    const message = `these taps ask for logits of ${logitRows} rows`;
    throw new TrimtabError("TOO_LARGE", message, { field: "taps", limit: `${MAX_LOGIT_ROWS} rows` });
  }
  if (bytes <= MAX_TAP_BYTES) return;
  throw new TrimtabError("TOO_LARGE", `these taps would read ${bytes} bytes`, {
    field: "taps",
    limit: `${MAX_TAP_BYTES} bytes`,
  });
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
