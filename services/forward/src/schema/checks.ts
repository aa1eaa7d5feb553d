/** Checks of counts, ranges and sites that every request shares. */
import { TrimtabError } from "#kit/errors.ts";
import { sizeChecks } from "#kit/sizes.ts";
import * as types from "#proto/trimtab/type/v1/program_pb.ts";
import type { ModelInfo } from "../engine/runtime.ts";
import { type Site, SITES } from "../programs/program.ts";

/** Throw TOO_LARGE. */
export const { checkBytes, checkCount } = sizeChecks("TOO_LARGE");

/** Refuses numbers outside [low, high] and NaN. @throws TrimtabError FIELD_OUT_OF_RANGE */
export function checkRange(field: string, value: number, low: number, high: number): void {
  if (value >= low && value <= high) return;
  throw outOfRange(field, `${value} is not between ${low} and ${high}`, `${low} to ${high}`);
}

/**
 * The site of this number, which `model` must have.
 * @throws TrimtabError FIELD_REQUIRED, BACKEND_CAPABILITY
 */
export function toSite(site: types.Site, field: string, model?: ModelInfo): Site {
  const found = SITES[site - 1];
  if (found && (model?.capabilities.sites.includes(found) ?? true)) return found;
  if (site === types.Site.UNSPECIFIED)
    throw new TrimtabError("FIELD_REQUIRED", `${field} is missing`, { field });
  throw new TrimtabError("BACKEND_CAPABILITY", `${field}: this model has no such site on its backend`, {
    field,
  });
}

/** The error of a value outside its range. */
export function outOfRange(field: string, text: string, limit?: string | number): TrimtabError {
  return new TrimtabError("FIELD_OUT_OF_RANGE", `${field}: ${text}`, {
    field,
    ...(limit === undefined ? {} : { limit }),
  });
}
