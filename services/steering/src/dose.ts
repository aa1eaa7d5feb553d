/**
 * Doses. A relative dose is ‖Δ‖ over the median norm of the residual stream after the block, so that the same number
 * means the same in every block and model: SmolLM2's norms run from 23 after its first block to 560 after its last.
 *   coefficient of a unit vector = relative dose · median residual norm
 */
import { TrimtabError } from "#kit/errors.ts";
import { Scope } from "#proto/trimtab/type/v1/program_pb.ts";
import { afterHold, courseStretches, type DoseCourse } from "./course.ts";
import { type Direction, norm, rawVector } from "./direction.ts";
import type { Addition } from "./program.ts";

/** Dose of one block. */
export interface LayerDose {
  readonly layer: number;
  /** ‖Δ‖ over the median residual norm. */
  readonly relative: number;
}

/** Directions of an answer: the behaviour's, and the end of the turn's in the last block. */
export interface AnswerDirections {
  readonly direction: Direction;
  readonly ending: Direction;
}

/** Doses of an answer. */
export interface AnswerDoses {
  /** At the first generated tokens, by block. */
  readonly doses: readonly LayerDose[];
  readonly course: DoseCourse;
}

/** Median ‖h‖ after a block. @throws TrimtabError ARTIFACT_INCOMPATIBLE if the direction does not know it. */
export function medianNorm(direction: Direction, layer: number): number {
  const value = direction.medianResidualNorms[layer] ?? 0;
  if (value > 0) return value;
  throw new TrimtabError(
    "ARTIFACT_INCOMPATIBLE",
    `the direction does not say how large the residual after block ${layer} is`,
    {
      field: "steering.dose.relative",
    },
  );
}

/** Coefficient of the unit vector of a block for a relative dose. */
export function coefficientOfDose(direction: Direction, { layer, relative }: LayerDose): number {
  return relative * medianNorm(direction, layer);
}

/** Relative dose of `factor` times the raw vector of a block. */
export function doseOfFactor(direction: Direction, layer: number, factor: number): LayerDose {
  return { layer, relative: (factor * norm(rawVector(direction, layer))) / medianNorm(direction, layer) };
}

/** A way to spread a dose over the blocks, in terms that fit every depth. */
export interface DoseProfile extends DoseCourse {
  /** Middle of the window, as a fraction of the depth: 0 = first block, 1 = last. */
  readonly center: number;
  /** Blocks in the window. */
  readonly blocks: number;
  /** Multiple of the raw vector in each block, at the first generated tokens. */
  readonly factor: number;
}

/** The course of a profile. */
export function courseOf({ start, holdTokens, rest, ending }: DoseProfile): DoseCourse {
  return { start, holdTokens, rest, ending };
}

/** Doses of a profile for a direction; blocks that fall outside the model or have no vector are left out. */
export function profileDoses(
  direction: Direction,
  { center, blocks, factor }: Omit<DoseProfile, keyof DoseCourse>,
): LayerDose[] {
  const middle = center * (direction.layers - 1);
  const first = Math.round(middle - (blocks - 1) / 2);
  const window = Array.from({ length: blocks }, (_, i) => first + i);
  return window
    .filter((layer) => direction.raw.has(layer))
    .map((layer) => doseOfFactor(direction, layer, factor));
}

/** Doses as additions of unit vectors: one a block and stretch of the course, and one for the end of the turn. */
export function answerAdditions(
  { direction, ending }: AnswerDirections,
  { doses, course }: AnswerDoses,
): Addition[] {
  const pushes = courseStretches(course).flatMap((stretch) =>
    doses.map((dose) => {
      const { times, ...where } = stretch;
      return { layer: dose.layer, ...where, coefficient: times * coefficientOfDose(direction, dose) };
    }),
  );
  return [...pushes, ...endingAdditions(ending, course)];
}

/** The push towards the end of the turn. */
export function endingAdditions(ending: Direction, course: DoseCourse): Addition[] {
  if (course.ending === 0) return [];
  const layer = ending.layers - 1;
  const coefficient = coefficientOfDose(ending, { layer, relative: course.ending });
  return [{ from: ending, layer, scope: Scope.DECODE, span: afterHold(course), coefficient }];
}

/** The relative dose of largest size of a recipe; negative where the recipe pushes away from its direction. */
export function largestDose(doses: readonly LayerDose[]): number {
  return doses.reduce((most, { relative }) => (Math.abs(relative) > Math.abs(most) ? relative : most), 0);
}

/** Weights of the blocks in 0 to 1, [layers]: their doses over the largest dose. */
export function layerWeights(doses: readonly LayerDose[], layers: number): Float32Array {
  const weights = new Float32Array(layers);
  const largest = largestDose(doses);
  for (const { layer, relative } of doses) weights[layer] = relative / largest;
  return weights;
}
