/** Standardisation of a probe folded into its weights, so that a row costs one multiplication a component. */
import { TrimtabError } from "#kit/errors.ts";

/** A probe as given: weights · (h - mean) / scale + bias. */
export interface GivenProbe {
  readonly weights: readonly number[];
  readonly bias?: number;
  readonly mean?: readonly number[];
  readonly scale?: readonly number[];
}

/** The same probe as weights · h + offset. @throws TrimtabError SHAPE_MISMATCH or FIELD_OUT_OF_RANGE. */
export function foldScaling({ weights, bias = 0, mean, scale }: GivenProbe): {
  readonly weights: Float64Array;
  readonly offset: number;
} {
  for (const [field, other] of Object.entries({ mean, scale })) {
    if (other !== undefined && other.length !== weights.length) {
      const message = `${field} has ${other.length} components, weights have ${weights.length}`;
      throw new TrimtabError("SHAPE_MISMATCH", message, { field });
    }
  }
  if (scale?.some((one) => one <= 0)) {
    throw new TrimtabError("FIELD_OUT_OF_RANGE", "scale must be above 0", { field: "scale" });
  }
  const folded = Float64Array.from(weights, (weight, i) => weight / (scale?.[i] ?? 1));
  const offset = bias - (mean?.reduce((sum, one, i) => sum + one * (folded[i] ?? 0), 0) ?? 0);
  return { weights: folded, offset };
}
