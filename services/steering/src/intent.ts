/**
 * What planning makes of a wish before the gate is known, and what the gate makes of that. Pure. A gate below the least
 * one names no program: the request is left alone, to the bit.
 */
import { TrimtabError } from "#kit/errors.ts";
import { STEERING_LIMITS } from "../limits.ts";
import type { AnswerSpan } from "./course.ts";
import type { NamedProgram } from "./program.ts";

/** Where layer weights come from. */
export type WeightsSource =
  "dose_search" | "uniform" | "random" | "learned" | "permuted" | "mean" | "paper" | "edit";

/** One operation of the program of an intent. */
export interface PlannedOperation {
  readonly layer: number;
  /** With the gate open. */
  readonly coefficient: number;
  /** Not scaled by the gate: it acts wherever the gate is not shut. */
  readonly fixed?: boolean;
  /** Narrows where it acts to some of the generated tokens. */
  readonly span?: AnswerSpan;
}

/** A wish, resolved: everything but the gate. */
export interface Intent {
  /** Blocks of the model. */
  readonly layers: number;
  /** Operations of the program, in order. */
  readonly additions: readonly PlannedOperation[];
  /** Median ‖h‖ after each block, [layers]; 0 where it is not known or the change is not an addition to the residual. */
  readonly medianResidualNorms: Float32Array;
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
  /** The same where it is largest along the answer. */
  readonly largestDoses: Float32Array;
}

/** What a gate makes of an intent. @throws TrimtabError ARTIFACT_INVALID if the gate is none. */
export function decide(intent: Intent, gate: number): Decision {
  if (!(gate >= 0 && gate <= 1)) {
    throw new TrimtabError("ARTIFACT_INVALID", "the controller answered something that is no gate", {
      field: "gate",
      limit: "0 to 1",
    });
  }
  const relativeDoses = new Float32Array(intent.layers);
  const largestDoses = new Float32Array(intent.layers);
  if (!intent.program || gate < STEERING_LIMITS.minGate) {
    return { programDigest: "", coefficients: [], gate, relativeDoses, largestDoses };
  }
  const coefficients = intent.additions.map(({ coefficient, fixed }) =>
    Math.fround(fixed === true ? coefficient : gate * coefficient),
  );
  // The dose reported is that of the first generated tokens, which come after the last prompt token in the list.
  for (const [i, { layer, span }] of intent.additions.entries()) {
    const known = intent.medianResidualNorms[layer] as number;
    const dose = known > 0 ? Math.abs(coefficients[i] as number) / known : 0;
    largestDoses[layer] = Math.max(dose, largestDoses[layer] as number);
    if (span && span.first > 0) continue;
    relativeDoses[layer] = dose;
  }
  return { programDigest: intent.program.digest, coefficients, gate, relativeDoses, largestDoses };
}

/** @throws TrimtabError NON_FINITE if a coefficient is not a finite 32-bit float. */
export function checkCoefficients(operations: readonly PlannedOperation[]): void {
  if (operations.every(({ coefficient }) => Number.isFinite(Math.fround(coefficient)))) return;
  throw new TrimtabError("NON_FINITE", "the coefficients of this strength are not finite", {
    field: "steering.scale",
  });
}
