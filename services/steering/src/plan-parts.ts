/** What a recipe, its paper mode or a stored direction brings to a plan: vectors, doses with the gate open, course. */
import { TrimtabError } from "#kit/errors.ts";
import type { SteeringUse } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { Scope } from "#proto/trimtab/type/v1/program_pb.ts";
import { CONSTANT_COURSE, type DoseCourse } from "./course.ts";
import { type Direction, directionLayers, norm, rawVector } from "./direction.ts";
import {
  type AnswerDirections,
  type AnswerDoses,
  coefficientOfDose,
  endingAdditions,
  largestDose,
  medianNorm,
} from "./dose.ts";
import type { WeightsSource } from "./intent.ts";
import type { Addition } from "./program.ts";
import { isPaperMode, type Strength } from "./use.ts";

/** A recipe as far as planning needs it. */
export interface PlannableRecipe extends AnswerDoses, AnswerDirections {
  /** Of mode "paper", if the recipe has it. */
  readonly paperDirection?: Direction;
}

/** α of the paper, and the weight its untrained head gives every block on average. */
const PAPER_ALPHA = 2;
const PAPER_WEIGHT = 0.5;

/** Weights in place of a recipe's own. */
export interface ArmWeights {
  readonly source: WeightsSource;
  /** [layers] */
  readonly weights: Float32Array;
}

/** Parts of a plan. */
export interface Parts {
  readonly direction: Direction;
  readonly doses: readonly { readonly layer: number; readonly coefficient: number }[];
  readonly weights: Float32Array;
  readonly weightsSource: WeightsSource;
  readonly defaultScope: Scope;
  readonly course: DoseCourse;
  /** Push towards the end of the turn, if generated tokens are steered. */
  readonly ending: readonly Addition[];
}

/** Parts of a recipe; `arm` replaces its weights. */
export function recipeParts(
  recipe: PlannableRecipe,
  use: SteeringUse,
  strength: Strength,
  arm?: ArmWeights,
): Parts {
  if (isPaperMode(use.mode)) return paperParts(recipe.paperDirection, use, strength);
  if (arm) return armParts(recipe, use, strength, arm);
  const { direction } = recipe;
  const largest = largestDose(recipe.doses);
  const own = new Map(recipe.doses.map((dose) => [dose.layer, dose.relative / largest]));
  const layers = chosenLayers(use, [...own.keys()], direction);
  const weights = new Float32Array(direction.layers);
  for (const layer of layers) weights[layer] = own.get(layer) ?? 1;
  // A dose says how far, not which way: that is the recipe's to say.
  const base =
    strength.relative === undefined ? largest * strength.scale : Math.sign(largest) * strength.relative;
  const doses = layers.map((layer) => ({
    layer,
    coefficient: coefficientOfDose(direction, { layer, relative: base * (weights[layer] as number) }),
  }));
  const weightsSource = layers.every((layer) => own.has(layer)) ? "dose_search" : "uniform";
  const ending = use.layers.length > 0 ? [] : scaledEnding(recipe, base / largest);
  return {
    direction,
    doses,
    weights,
    weightsSource,
    defaultScope: Scope.UNSPECIFIED,
    course: recipe.course,
    ending,
  };
}

/** Other weights over all blocks, at the sum of the recipe's doses. */
function armParts(
  { direction, doses: own, course, ...recipe }: PlannableRecipe,
  use: SteeringUse,
  strength: Strength,
  { source, weights: given }: ArmWeights,
): Parts {
  const layers = chosenLayers(use, directionLayers(direction), direction);
  const times =
    strength.relative === undefined ? strength.scale : strength.relative / Math.abs(largestDose(own));
  const total = times * own.reduce((sum, { relative }) => sum + relative, 0);
  const sum = layers.reduce((all, layer) => all + (given[layer] ?? 0), 0);
  // Spread by such weights the dose would be nothing, or beyond what was asked for.
  if (!(sum > 0) || given.some((weight) => !(weight >= 0 && weight <= 1))) {
    throw new TrimtabError("ARTIFACT_INVALID", "the head gives the blocks no weights of 0 to 1, or only 0", {
      field: "steering.weights.head",
      limit: "0 to 1",
    });
  }
  const weights = new Float32Array(direction.layers);
  for (const layer of layers) weights[layer] = given[layer] ?? 0;
  const doses = layers.map((layer) => {
    const relative = (total * (weights[layer] as number)) / sum;
    return { layer, coefficient: coefficientOfDose(direction, { layer, relative }) };
  });
  const ending = scaledEnding({ ...recipe, direction, doses: own, course }, times);
  return {
    direction,
    doses,
    weights,
    weightsSource: source,
    defaultScope: Scope.UNSPECIFIED,
    course,
    ending,
  };
}

/** At a strength beyond the recipe's own an answer ends no sooner; pushed away from the behaviour, it ends by itself. */
function scaledEnding({ ending, course }: PlannableRecipe, strength: number): Addition[] {
  const times = Math.min(1, Math.max(0, strength));
  return endingAdditions(ending, course).map((addition) => ({
    ...addition,
    coefficient: times * addition.coefficient,
  }));
}

/** Parts of a stored direction. */
export function directionParts(direction: Direction, use: SteeringUse, strength: Strength): Parts {
  const layers = chosenLayers(use, directionLayers(direction), direction);
  const weights = new Float32Array(direction.layers);
  for (const layer of layers) weights[layer] = 1;
  const doses = layers.map((layer) => {
    const relative = strength.relative;
    const coefficient =
      relative === undefined
        ? strength.scale * norm(rawVector(direction, layer))
        : relative * medianNorm(direction, layer);
    return { layer, coefficient };
  });
  return {
    direction,
    doses,
    weights,
    weightsSource: "uniform",
    defaultScope: Scope.UNSPECIFIED,
    course: CONSTANT_COURSE,
    ending: [],
  };
}

function paperParts(direction: Direction | undefined, use: SteeringUse, strength: Strength): Parts {
  if (!direction) {
    throw new TrimtabError("UNSUPPORTED", 'the recipe has no phrases for mode "paper"', {
      field: "steering.mode",
    });
  }
  if (strength.relative !== undefined) {
    throw new TrimtabError(
      "INVALID_ARGUMENT",
      'mode "paper" uses the paper\'s raw coefficients; give a scale, not a dose',
      {
        field: "steering.dose",
      },
    );
  }
  const layers = chosenLayers(use, directionLayers(direction), direction);
  const weights = new Float32Array(direction.layers);
  for (const layer of layers) weights[layer] = PAPER_WEIGHT;
  const doses = layers.map((layer) => ({ layer, coefficient: strength.scale * PAPER_WEIGHT * PAPER_ALPHA }));
  return {
    direction,
    doses,
    weights,
    weightsSource: "paper",
    // The paper's first token is unsteered; replayed, the last prompt token is steered too.
    defaultScope: use.mode === "paper" ? Scope.DECODE : Scope.UNSPECIFIED,
    course: CONSTANT_COURSE,
    ending: [],
  };
}

function chosenLayers(use: SteeringUse, own: readonly number[], direction: Direction): number[] {
  const layers = use.layers.length > 0 ? use.layers : own;
  for (const layer of layers) {
    if (layer >= direction.layers) {
      throw new TrimtabError(
        "FIELD_OUT_OF_RANGE",
        `block ${layer}: the model has blocks 0 to ${direction.layers - 1}`,
        {
          field: "steering.layers",
          limit: `0 to ${direction.layers - 1}`,
        },
      );
    }
    rawVector(direction, layer);
  }
  return [...new Set(layers)].sort((a, b) => a - b);
}
