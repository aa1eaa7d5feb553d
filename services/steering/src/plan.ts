/**
 * From a request's wish to coefficients: which blocks, how strongly with the gate open, and what the gate makes of it.
 *
 *   coefficient_l = gate · scale · weight_l · largest dose · median residual norm_l      (recipes; times what the
 *                   recipe's course says for the stretch of the answer)
 *   coefficient_l = scale · ‖raw_l‖   or   dose · median residual norm_l                 (stored directions)
 *   coefficient_l = gate · scale · ½ · 2 on one unit vector for all blocks               (mode "paper")
 * Pure. Whatever cannot be carried out is refused; nothing here ever turns a wish to steer into an unsteered answer,
 * except a shut gate or a scale of 0, which leave the request alone to the bit.
 */
import { TrimtabError } from "#kit/errors.ts";
import type { SteeringUse } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { Scope } from "#proto/trimtab/type/v1/program_pb.ts";
import { STEERING_LIMITS } from "../limits.ts";
import {
  CONSTANT_COURSE,
  courseStretches,
  decodeStretches,
  type DoseCourse,
  type Stretch,
} from "./course.ts";
import { type Direction, directionLayers, norm, rawVector } from "./direction.ts";
import {
  type AnswerDirections,
  type AnswerDoses,
  coefficientOfDose,
  endingAdditions,
  medianNorm,
} from "./dose.ts";
import { type Addition, compileProgram, type NamedProgram } from "./program.ts";
import { checkUse } from "./use.ts";

/** Where layer weights come from. */
export type WeightsSource = "dose_search" | "uniform" | "paper";

/** A recipe as far as planning needs it. */
export interface PlannableRecipe extends AnswerDoses, AnswerDirections {
  readonly paperDirection: Direction;
}

/** What a request asks to be steered by. */
export type SteeringSource =
  | { readonly kind: "recipe"; readonly recipe: PlannableRecipe }
  | { readonly kind: "direction"; readonly direction: Direction };

/** A wish, resolved: everything but the gate. */
export interface Intent {
  readonly direction: Direction;
  /** What the program adds, with coefficients for an open gate. */
  readonly additions: readonly Addition[];
  /** In 0 to 1, [layers]. */
  readonly weights: Float32Array;
  readonly weightsSource: WeightsSource;
  readonly replayLast: boolean;
  /** The controller must be asked. False: the gate is `fixedGate`. */
  readonly gated: boolean;
  readonly fixedGate: number;
  /** Null if nothing acts, whatever the gate says. */
  readonly program: NamedProgram | null;
}

/** What was decided for one prompt. */
export interface Decision {
  /** Empty: leave the request alone. */
  readonly programDigest: string;
  readonly coefficients: readonly number[];
  readonly gate: number;
  /** Intended ‖Δ‖ over the median residual norm, [layers]; 0 where the norm is not known. */
  readonly relativeDoses: Float32Array;
}

/** α of the paper, and the weight its untrained head gives every block on average. */
const PAPER_ALPHA = 2;
const PAPER_WEIGHT = 0.5;

/** Resolves a wish. @throws TrimtabError naming the field at fault. */
export function resolveIntent(source: SteeringSource, use: SteeringUse): Intent {
  const strength = checkUse(use, source.kind);
  const { direction, doses, course, ending, defaultScope, ...weighting } =
    source.kind === "direction"
      ? directionParts(source.direction, use, strength)
      : recipeParts(source.recipe, use, strength);
  const stretches = stretchesOf(use, defaultScope, course);
  const pushes = stretches.flatMap(({ times, ...where }) =>
    doses.map(({ layer, coefficient }) => ({ layer, ...where, coefficient: times * coefficient })),
  );
  const ends = stretches.some(({ scope }) => scope === Scope.DECODE) ? ending : [];
  const additions = [...pushes, ...ends].filter(({ coefficient }) => coefficient !== 0);
  checkCoefficients(additions);
  const acts = additions.length > 0;
  return {
    direction,
    additions,
    ...weighting,
    replayLast: additions.some(({ scope }) => scope === Scope.UNSPECIFIED || scope === Scope.LAST),
    gated: source.kind === "recipe" && use.forceGate === undefined && acts,
    fixedGate: use.forceGate ?? 1,
    program: acts ? compileProgram(direction, additions) : null,
  };
}

/** What a gate makes of an intent. @throws TrimtabError ARTIFACT_INVALID if the gate is none. */
export function decide(intent: Intent, gate: number): Decision {
  if (!(gate >= 0 && gate <= 1)) {
    throw new TrimtabError("ARTIFACT_INVALID", "the controller answered something that is no gate", {
      field: "gate",
      limit: "0 to 1",
    });
  }
  const relativeDoses = new Float32Array(intent.direction.layers);
  if (!intent.program || gate < STEERING_LIMITS.minGate) {
    return { programDigest: "", coefficients: [], gate, relativeDoses };
  }
  const coefficients = intent.additions.map(({ coefficient }) => Math.fround(gate * coefficient));
  // The dose reported is that of the first generated tokens, which come after the last prompt token in the list.
  for (const [i, { layer, span }] of intent.additions.entries()) {
    if (span && span.first > 0) continue;
    const known = intent.direction.medianResidualNorms[layer] as number;
    relativeDoses[layer] = known > 0 ? Math.abs(coefficients[i] as number) / known : 0;
  }
  return { programDigest: intent.program.digest, coefficients, gate, relativeDoses };
}

/** Where the additions act, and how many times the dose. A scope narrows the course, it does not replace it. */
function stretchesOf(use: SteeringUse, defaultScope: Scope, course: DoseCourse): Stretch[] {
  const asked = use.scope === Scope.UNSPECIFIED ? defaultScope : use.scope;
  checkScope(asked);
  if (asked === Scope.LAST) return [{ scope: asked, times: course.start }];
  if (asked === Scope.DECODE) return decodeStretches(course);
  if (asked === Scope.PROMPT) return [{ scope: asked, times: 1 }];
  return courseStretches(course);
}

interface Parts {
  readonly direction: Direction;
  readonly doses: readonly { readonly layer: number; readonly coefficient: number }[];
  readonly weights: Float32Array;
  readonly weightsSource: WeightsSource;
  readonly defaultScope: Scope;
  readonly course: DoseCourse;
  /** Push towards the end of the turn, if generated tokens are steered. */
  readonly ending: readonly Addition[];
}

type Strength = ReturnType<typeof checkUse>;

function recipeParts(recipe: PlannableRecipe, use: SteeringUse, strength: Strength): Parts {
  if (use.mode === "paper") return paperParts(recipe.paperDirection, use, strength);
  const { direction } = recipe;
  const largest = Math.max(...recipe.doses.map((dose) => dose.relative));
  const own = new Map(recipe.doses.map((dose) => [dose.layer, dose.relative / largest]));
  const layers = chosenLayers(use, [...own.keys()], direction);
  const weights = new Float32Array(direction.layers);
  for (const layer of layers) weights[layer] = own.get(layer) ?? 1;
  const base = strength.relative ?? largest * strength.scale;
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

/** At a strength beyond the recipe's own an answer ends no sooner; pushed away from the behaviour, it ends by itself. */
function scaledEnding({ ending, course }: PlannableRecipe, strength: number): Addition[] {
  const times = Math.min(1, Math.max(0, strength));
  return endingAdditions(ending, course).map((addition) => ({
    ...addition,
    coefficient: times * addition.coefficient,
  }));
}

function directionParts(direction: Direction, use: SteeringUse, strength: Strength): Parts {
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

function paperParts(direction: Direction, use: SteeringUse, strength: Strength): Parts {
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
    defaultScope: Scope.DECODE,
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

function checkScope(scope: Scope): void {
  if (scope === Scope.UNSPECIFIED || scope === Scope.LAST || scope === Scope.DECODE || scope === Scope.PROMPT)
    return;
  throw new TrimtabError(
    "FIELD_OUT_OF_RANGE",
    "the scope must be prompt, last or decode; windows belong to programs",
    {
      field: "steering.scope",
    },
  );
}

function checkCoefficients(additions: readonly Addition[]): void {
  if (additions.every(({ coefficient }) => Number.isFinite(Math.fround(coefficient)))) return;
  throw new TrimtabError("NON_FINITE", "the coefficients of this strength are not finite", {
    field: "steering.scale",
  });
}
