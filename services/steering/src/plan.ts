/**
 * From a request's wish to coefficients: which blocks, how strongly with the gate open, and what the gate makes of it.
 *
 *   coefficient_l = gate · scale · weight_l · largest dose · median residual norm_l      (recipes; times what the
 *                   recipe's course says for the stretch of the answer)
 *   coefficient_l = scale · ‖raw_l‖   or   dose · median residual norm_l                 (stored directions)
 *   coefficient_l = gate · scale · ½ · 2 on one unit vector for all blocks               (mode "paper")
 *   coefficient_i = scale · the edit's own, or the edit's own where it is fixed           (stored edits)
 * Pure. Whatever cannot be carried out is refused; nothing here ever turns a wish to steer into an unsteered answer,
 * except a shut gate or a scale of 0, which leave the request alone to the bit.
 */
import { TrimtabError } from "#kit/errors.ts";
import type { Edit, SteeringUse } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { Scope } from "#proto/trimtab/type/v1/program_pb.ts";
import { courseStretches, decodeStretches, type DoseCourse, type Stretch } from "./course.ts";
import type { Direction } from "./direction.ts";
import { checkCoefficients, type Intent } from "./intent.ts";
import { editIntent } from "./plan-edit.ts";
import { type ArmWeights, directionParts, type PlannableRecipe, recipeParts } from "./plan-parts.ts";
import { type Addition, compileProgram } from "./program.ts";
import { checkScope, checkUse, type Strength } from "./use.ts";

export { decide } from "./intent.ts";

/** What a request asks to be steered by, if it decides by itself or by a controller. */
export type SteeringSource =
  | { readonly kind: "recipe"; readonly recipe: PlannableRecipe }
  | { readonly kind: "direction"; readonly direction: Direction }
  | { readonly kind: "edit"; readonly edit: Edit };

/** An intent of additions of unit vectors. */
export interface AdditionsIntent extends Intent {
  readonly additions: readonly Addition[];
}

type AddingSource = Exclude<SteeringSource, { readonly kind: "edit" }>;

/** Resolves a wish. @throws TrimtabError naming the field at fault. */
export function resolveIntent(source: AddingSource, use: SteeringUse, arm?: ArmWeights): AdditionsIntent;
export function resolveIntent(source: SteeringSource, use: SteeringUse, arm?: ArmWeights): Intent;
export function resolveIntent(source: SteeringSource, use: SteeringUse, arm?: ArmWeights): Intent {
  const strength = checkUse(use, source.kind);
  return source.kind === "edit"
    ? editIntent(source.edit, use, strength.scale)
    : additionsIntent(source, use, strength, arm);
}

function additionsIntent(
  source: AddingSource,
  use: SteeringUse,
  strength: Strength,
  arm: ArmWeights | undefined,
): AdditionsIntent {
  const { direction, doses, course, ending, defaultScope, ...weighting } =
    source.kind === "direction"
      ? directionParts(source.direction, use, strength)
      : recipeParts(source.recipe, use, strength, arm);
  const stretches = stretchesOf(use, defaultScope, course);
  const pushes = stretches.flatMap(({ times, ...where }) =>
    doses.map(({ layer, coefficient }) => ({ layer, ...where, coefficient: times * coefficient })),
  );
  const ends = stretches.some(({ scope }) => scope === Scope.DECODE) ? ending : [];
  const additions = [...pushes, ...ends].filter(({ coefficient }) => coefficient !== 0);
  checkCoefficients(additions);
  const acts = additions.length > 0;
  if (!acts && doses.some(({ coefficient }) => coefficient !== 0)) throw nowhere();
  return {
    layers: direction.layers,
    medianResidualNorms: direction.medianResidualNorms,
    additions,
    ...weighting,
    replayLast: additions.some(({ scope }) => scope === Scope.UNSPECIFIED || scope === Scope.LAST),
    gated: source.kind === "recipe" && use.forceGate === undefined && acts,
    fixedGate: use.forceGate ?? 1,
    program: acts ? compileProgram(direction, additions) : null,
  };
}

/** A course that begins after the prompt's last token, or ends with it, leaves nothing of a scope that is the other part. */
function nowhere(): TrimtabError {
  const message = "the recipe does not push at the positions of this scope: the request would be left alone";
  return new TrimtabError("FIELD_OUT_OF_RANGE", message, { field: "steering.scope" });
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
