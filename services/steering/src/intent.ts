/**
 * What planning makes of a wish before the gate is known, and what the gate makes of that. Pure. A gate below the least
 * one names no program: the request is left alone, to the bit.
 */
import { TrimtabError } from "#kit/errors.ts";
import { Scope } from "#proto/trimtab/type/v1/program_pb.ts";
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
  /** Where it acts; absent: from the last prompt token on. */
  readonly scope?: Scope;
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
  if (!intent.program || gate < STEERING_LIMITS.minGate) {
    const none = new Float32Array(intent.layers);
    return { programDigest: "", coefficients: [], gate, relativeDoses: none, largestDoses: none };
  }
  const coefficients = intent.additions.map(({ coefficient, fixed }) =>
    Math.fround(fixed === true ? coefficient : gate * coefficient),
  );
  return { programDigest: intent.program.digest, coefficients, gate, ...dosesOf(intent, coefficients) };
}

/** The last prompt token, as tokens of the answer are counted. */
const LAST_OF_PROMPT = -1;

/** Doses of the blocks: at the first generated token, or before it where none acts there; and where they are largest. */
function dosesOf(
  { layers, additions, medianResidualNorms }: Intent,
  coefficients: readonly number[],
): Pick<Decision, "relativeDoses" | "largestDoses"> {
  const at = (token: number): Float32Array => {
    const doses = new Float32Array(layers);
    for (const [i, addition] of additions.entries()) {
      const known = medianResidualNorms[addition.layer] as number;
      // What acts on one row adds up, whichever way it points: no row moves further.
      if (known > 0 && actsAt(addition, token))
        doses[addition.layer] =
          (doses[addition.layer] as number) + Math.abs(coefficients[i] as number) / known;
    }
    return doses;
  };
  const [before, first] = [at(LAST_OF_PROMPT), at(0)];
  const later = new Set(additions.flatMap(({ span }) => (span && span.first > 0 ? [span.first] : [])));
  const all = [before, first, ...[...later].map(at)];
  return {
    relativeDoses: first.map((dose, layer) => (dose > 0 ? dose : (before[layer] as number))),
    largestDoses: first.map((_, layer) => Math.max(...all.map((doses) => doses[layer] as number))),
  };
}

function actsAt({ scope = Scope.UNSPECIFIED, span }: PlannedOperation, token: number): boolean {
  if (scope === Scope.UNSPECIFIED) return true;
  if (scope !== Scope.DECODE) return token === LAST_OF_PROMPT;
  if (!span) return token >= 0;
  return token >= span.first && (span.end === 0 || token < span.end);
}

/** @throws TrimtabError NON_FINITE if a coefficient is not a finite 32-bit float. */
export function checkCoefficients(operations: readonly PlannedOperation[]): void {
  if (operations.every(({ coefficient }) => Number.isFinite(Math.fround(coefficient)))) return;
  throw new TrimtabError("NON_FINITE", "the coefficients of this strength are not finite", {
    field: "steering.scale",
  });
}
