/**
 * What every direction method is: which activations it reads of which texts, and how it makes vectors of them.
 * Methods are pure; capturing is somebody else's work.
 */
import { TrimtabError } from "#kit/errors.ts";
import type { Edit, Ruleset } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { Pooling, type Scope, Site, TapPositions } from "#proto/trimtab/type/v1/program_pb.ts";
import type { ModelShape } from "../clients.ts";
import type { DirectionMethodName } from "../direction.ts";

/** Activations of one example: f32 [width] by block. */
export type LayerRows = ReadonlyMap<number, Float32Array>;

/** Examples that show the behaviour, and examples that show its opposite. */
export interface ContrastRows {
  readonly positive: readonly LayerRows[];
  readonly negative: readonly LayerRows[];
}

/** What a method reads. */
export interface ActivationNeeds {
  /**
   * `answers`: a templated prompt with an answer appended, read over the answer.
   * `prompts`: a templated prompt, read at its last token.
   * `tokens`: every token of every phrase as a sequence of its own.
   * `texts`: plain text, read over all its tokens but the first, which is the attention's sink.
   * `choices`: a templated question with two answers to choose from and the letter of one as the answer, read at it.
   */
  readonly texts: "answers" | "prompts" | "tokens" | "texts" | "choices";
  readonly site: Site;
  /** Block indices; empty means all. */
  readonly layers: readonly number[];
  readonly positions: TapPositions;
  readonly pooling: Pooling;
  /** Half of the answers are for training, the others for validation: what is chosen there must not know them. */
  readonly holdsOutAnswers?: boolean;
}

/** A method that makes one vector a block. */
export interface DirectionMethod {
  readonly yields: "direction";
  readonly name: DirectionMethodName;
  /** Counts up when the same readings must give another result; part of the key of a fit. */
  readonly version: number;
  /** Paper or code it comes from. */
  readonly source: string;
  readonly needs: ActivationNeeds;
  /**
   * Raw vectors by block from the captured rows.
   * @param seed of whatever is random
   * @throws TrimtabError INVALID_ARGUMENT if a side is empty, SHAPE_MISMATCH if rows differ in width or blocks.
   */
  fit(rows: ContrastRows, modelLayers: number, seed?: number): Map<number, Float32Array>;
}

/** What was read of the examples of a recipe, by split. */
export interface Reading {
  readonly train: ContrastRows;
  readonly validation: ContrastRows;
}

/** What a fit may be told; absent: the method's own choice. */
export interface FitSettings {
  /** Blocks that may be chosen or acted on. */
  readonly layers?: readonly number[];
  /** Heads to choose. */
  readonly heads?: number;
  /** Coefficient at scale 1, in the method's own terms. */
  readonly strength?: number;
  readonly scope?: Scope;
}

/** A method that makes an edit or a ruleset. */
export interface InterventionMethod {
  readonly yields: "edit" | "ruleset";
  readonly name: string;
  /** As of a direction method. */
  readonly version: number;
  readonly source: string;
  /** One reading each, in order. */
  readonly needs: readonly ActivationNeeds[];
  /** @throws TrimtabError INVALID_ARGUMENT if a side is empty or nothing can be chosen, ARTIFACT_INVALID. */
  fit(readings: readonly Reading[], settings: FitSettings, model: ModelShape): Edit | Ruleset;
}

/** Any method. */
export type SteeringMethod = DirectionMethod | InterventionMethod;

/** The whole residual stream after every block, averaged over the positions of a span (work/spans.ts). */
export const MEAN_RESIDUAL = {
  site: Site.RESIDUAL,
  layers: [],
  positions: TapPositions.RANGE,
  pooling: Pooling.MEAN,
} as const;

/** Mean of the positive rows minus mean of the negative rows, block by block, accumulated in f64. */
export function meanDifference(rows: ContrastRows): Map<number, Float32Array> {
  const positive = means(rows.positive, "positive");
  const negative = means(rows.negative, "negative");
  const result = new Map<number, Float32Array>();
  for (const [layer, mean] of positive) {
    const other = negative.get(layer);
    if (other?.length !== mean.length) {
      throw new TrimtabError("SHAPE_MISMATCH", `block ${layer} differs between the two sides`, {
        field: "rows",
      });
    }
    result.set(
      layer,
      Float32Array.from(mean, (x, i) => x - (other[i] as number)),
    );
  }
  return result;
}

/** Means of rows by block, in f64. @throws TrimtabError INVALID_ARGUMENT, SHAPE_MISMATCH. */
export function means(samples: readonly LayerRows[], side: string): Map<number, Float64Array> {
  const first = samples[0];
  if (!first) throw new TrimtabError("INVALID_ARGUMENT", `no ${side} examples`, { field: side });
  const sums = new Map([...first].map(([layer, row]) => [layer, new Float64Array(row.length)]));
  for (const sample of samples) {
    for (const [layer, sum] of sums) {
      const row = sample.get(layer);
      if (row?.length !== sum.length) {
        throw new TrimtabError("SHAPE_MISMATCH", `${side}: block ${layer} is missing or has another width`, {
          field: side,
        });
      }
      for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (row[i] as number);
    }
  }
  for (const sum of sums.values())
    for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) / samples.length;
  return sums;
}
