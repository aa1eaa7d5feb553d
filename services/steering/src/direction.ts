/**
 * A direction: one raw vector a block, and what a dose is measured against, the median norm of the residual stream.
 *
 * Raw vectors are kept as they were made or imported, so that files round-trip to the byte; unit vectors and norms are
 * derived in f64. Everything downstream uses unit vectors: coefficient = dose · median residual norm.
 */
import { TrimtabError } from "#kit/errors.ts";
import { allFinite } from "#kit/finite.ts";
import { STEERING_LIMITS } from "../limits.ts";

/** How a direction came to be. */
export type DirectionMethodName =
  | "response_contrast"
  | "prompt_contrast"
  | "output_embedding"
  | "text_contrast"
  | "choice_contrast"
  | "pca"
  | "pairwise_pca"
  | "logistic_probe"
  | "refusal_direction"
  | "random_direction"
  | "imported";

/** A steering direction of one model. */
export interface Direction {
  /** SHA-256 of the model file, hex. */
  readonly modelDigest: string;
  readonly method: string;
  /** Blocks of the model. */
  readonly layers: number;
  readonly width: number;
  /** Raw vector f32 [width] after block l; blocks without one are absent. */
  readonly raw: ReadonlyMap<number, Float32Array>;
  /** Median ‖h‖ after each block, [layers]; 0 where it is not known. */
  readonly medianResidualNorms: Float32Array;
  /** What a fit or sweep found, for people; kept with the file. */
  readonly facts?: Readonly<Record<string, string>>;
}

/** Euclidean norm, accumulated in f64. */
export function norm(vector: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < vector.length; i++) sum += (vector[i] as number) ** 2;
  return Math.sqrt(sum);
}

/** Median; the mean of the middle two for an even count; 0 of nothing. */
export function median(values: readonly number[]): number {
  if (values.length === 0) return 0;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2;
}

/** The vector over its norm. @throws TrimtabError ARTIFACT_INVALID for a zero vector. */
export function unit(vector: Float32Array, layer: number): Float32Array {
  const length = norm(vector);
  if (!(length > 0) || !Number.isFinite(length)) {
    throw new TrimtabError("ARTIFACT_INVALID", `the direction of block ${layer} has norm ${length}`, {
      field: `direction.${layer}`,
    });
  }
  return vector.map((x) => x / length);
}

/**
 * Checks what every direction must be: blocks inside the model, one width, finite values, norms a row may be pushed by.
 * @throws TrimtabError ARTIFACT_INVALID, NON_FINITE or SHAPE_MISMATCH, naming the tensor.
 */
export function checkDirection(direction: Direction): Direction {
  const { layers, width, raw, medianResidualNorms } = direction;
  if (raw.size === 0)
    throw new TrimtabError("ARTIFACT_INVALID", "the direction has no vectors", { field: "direction" });
  if (layers > STEERING_LIMITS.blocks || width > STEERING_LIMITS.width) {
    throw new TrimtabError("TOO_LARGE", `a direction of ${layers} blocks of width ${width}`, {
      field: "direction",
      limit: `${STEERING_LIMITS.blocks} x ${STEERING_LIMITS.width}`,
    });
  }
  for (const [layer, vector] of raw) {
    const field = `direction.${layer}`;
    if (!Number.isInteger(layer) || layer < 0 || layer >= layers) {
      throw new TrimtabError("ARTIFACT_INCOMPATIBLE", `${field}: the model has blocks 0 to ${layers - 1}`, {
        field,
      });
    }
    if (vector.length !== width) {
      throw new TrimtabError(
        "SHAPE_MISMATCH",
        `${field} has ${vector.length} values, the model's width is ${width}`,
        {
          field,
          limit: width,
        },
      );
    }
    if (!allFinite(vector))
      throw new TrimtabError("NON_FINITE", `${field} has values that are not finite`, { field });
    unit(vector, layer);
    const { leastNorm, mostNorm } = STEERING_LIMITS;
    if (norm(vector) < leastNorm || norm(vector) > mostNorm) {
      const limit = `${leastNorm} to ${mostNorm}`;
      throw new TrimtabError("ARTIFACT_INVALID", `${field} has norm ${norm(vector)}`, { field, limit });
    }
  }
  if (
    medianResidualNorms.length !== layers ||
    !medianResidualNorms.every((x) => Number.isFinite(x) && x >= 0)
  ) {
    throw new TrimtabError("ARTIFACT_INVALID", `median_residual_norms must be ${layers} finite values ≥ 0`, {
      field: "median_residual_norms",
      limit: layers,
    });
  }
  return direction;
}

/** Blocks that have a vector, ascending. */
export function directionLayers(direction: Direction): number[] {
  return [...direction.raw.keys()].sort((a, b) => a - b);
}

/** The raw vector of a block. @throws TrimtabError FIELD_OUT_OF_RANGE if there is none. */
export function rawVector(direction: Direction, layer: number): Float32Array {
  const vector = direction.raw.get(layer);
  if (vector) return vector;
  const have = directionLayers(direction);
  throw new TrimtabError("FIELD_OUT_OF_RANGE", `the direction has no vector for block ${layer}`, {
    field: "steering.layers",
    limit: `${have[0]} to ${have.at(-1)}`,
  });
}
