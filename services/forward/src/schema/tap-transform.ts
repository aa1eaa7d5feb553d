/** What a tap makes of its rows: final norm, projection, logits; with everything that cannot be combined refused. */
import { TrimtabError } from "#kit/errors.ts";
import * as types from "#proto/trimtab/type/v1/program_pb.ts";
import * as limits from "../../limits.ts";
import type { ModelInfo } from "../engine/runtime.ts";
import type { TapSpec } from "../engine/taps.ts";
import type { Site } from "../programs/program.ts";
import { checkCount } from "./checks.ts";

/**
 * The transform of a tap of the schema.
 * @throws TrimtabError INVALID_ARGUMENT, FIELD_REQUIRED, FIELD_OUT_OF_RANGE, TOO_LARGE naming the field
 */
export function toTransform(
  tap: types.Tap,
  site: Site,
  field: string,
  model: ModelInfo,
): Pick<TapSpec, "finalNorm" | "projection" | "logits"> {
  const { finalNorm, projectionDigest: projection, logits } = tap;
  if (site !== "residual" && (finalNorm || logits)) {
    const name = finalNorm ? "final_norm" : "logits";
    throw refused(`${field}.${name}`, "goes with the residual only");
  }
  if (!logits) return { finalNorm, ...(projection === "" ? {} : { projection }) };
  if (finalNorm) throw refused(`${field}.final_norm`, "is part of logits");
  if (projection !== "") throw refused(`${field}.projection_digest`, "does not go with logits");
  if (tap.pooling > types.Pooling.NONE) throw refused(`${field}.pooling`, "does not go with logits");
  checkLogits(logits, `${field}.logits`, model);
  return { logits: { top: logits.top, ids: logits.ids } };
}

function checkLogits({ top, ids }: types.TapLogits, field: string, model: ModelInfo): void {
  if (top === 0 && ids.length === 0) {
    throw new TrimtabError("FIELD_REQUIRED", `${field}: top or ids are needed`, { field });
  }
  const { MAX_TOP_LOGPROBS, MAX_LOGIT_IDS } = limits;
  if (top > MAX_TOP_LOGPROBS) throw outOfRange(`${field}.top`, top, MAX_TOP_LOGPROBS);
  checkCount(`${field}.ids`, ids.length, MAX_LOGIT_IDS);
  const bad = ids.findIndex((id) => id >= model.vocabulary);
  if (bad >= 0) throw outOfRange(`${field}.ids[${bad}]`, ids[bad] ?? 0, model.vocabulary - 1);
}

function outOfRange(field: string, value: number, limit: number): TrimtabError {
  return new TrimtabError("FIELD_OUT_OF_RANGE", `${field}: ${value} is over ${limit}`, { field, limit });
}

function refused(field: string, text: string): TrimtabError {
  return new TrimtabError("INVALID_ARGUMENT", `${field} ${text}`, { field });
}
