/**
 * A token signal over a whole answer, its worst stretch or its end. Source: DeepConf (Fu et al. 2025, arXiv 2508.15260),
 * with windows that fit short answers. Cost: linear in the tokens.
 */

import type { JsonObject } from "@bufbuild/protobuf";
import { CONFIDENCE_LIMITS } from "../../limits.ts";

/** What of the signal counts, as callers spell it. */
const STRETCHES = ["all", "lowest", "tail"] as const;
/** One of {@link STRETCHES}. */
export type Stretch = (typeof STRETCHES)[number];

/** Parameters of a verifier of such a signal, as a JSON schema. */
export const STRETCH_PARAMETERS: JsonObject = {
  type: "object",
  properties: {
    stretch: {
      type: "string",
      enum: [...STRETCHES],
      description: "All tokens (default), lowest window, tail.",
    },
    window: {
      type: "integer",
      minimum: 1,
      maximum: CONFIDENCE_LIMITS.window,
      description: `Tokens; default ${CONFIDENCE_LIMITS.defaultWindow}.`,
    },
  },
  additionalProperties: false,
};

/** The mean that parameters of that schema ask for. */
export function meanAsAsked(parameters: JsonObject): (values: readonly number[]) => number {
  const { stretch = "all", window = CONFIDENCE_LIMITS.defaultWindow } = parameters as {
    stretch?: Stretch;
    window?: number;
  };
  return (values) => meanOver(values, stretch, window);
}

/** Mean of all values, of the window of `width` with the lowest mean, or of the last `width`. NaN without values. */
function meanOver(values: readonly number[], stretch: Stretch, width: number): number {
  if (stretch === "all" || values.length <= width) return mean(values);
  if (stretch === "tail") return mean(values.slice(-width));
  let sum = values.slice(0, width).reduce((total, value) => total + value, 0);
  let lowest = sum;
  for (let at = width; at < values.length; at++) {
    sum += (values[at] ?? 0) - (values[at - width] ?? 0);
    lowest = Math.min(lowest, sum);
  }
  return lowest / width;
}

function mean(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0) / values.length;
}
