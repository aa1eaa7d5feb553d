/**
 * Programs on their way from steering to forward: fetched and uploaded once per digest. Forward may have restarted since;
 * it then says PROGRAM_NOT_FOUND, and the program is uploaded again.
 */
import { TrimtabError } from "#kit/errors.ts";
import { createLru } from "#kit/lru.ts";
import {
  ConditionKind,
  type Operation,
  OperationKind,
  type Program,
  type ProgramBinding,
  Scope,
} from "#proto/trimtab/type/v1/program_pb.ts";
import type { Tensor } from "#proto/trimtab/type/v1/tensor_pb.ts";
import type { CallScope, GatewayClients } from "../clients.ts";
import { LIMITS } from "../limits.ts";
import { failureOf, steeringFailure } from "./reasons.ts";

/** Where a program acts, as far as the flow must know. */
export interface ProgramFacts {
  /** Does it act on prompt tokens, given a prompt of this many? Then the prompt is computed under it. */
  actsOnPrompt(promptTokens: number): boolean;
  /** Must it have changed at least one row once this many tokens were generated under these coefficients? */
  mustAct(coefficients: readonly number[], generatedTokens: number): boolean;
  /** Does it take directions out of activations, under these coefficients? */
  ablates(coefficients: readonly number[]): boolean;
  /** How many coefficients it takes. */
  readonly operations: number;
}

/** Below this a coefficient may vanish in the rounding of 32-bit floats. */
const NOTICEABLE = 1e-3;

/** A program and how strongly its operations are to act; without coefficients none does yet. */
export type Bound = Pick<ProgramBinding, "programDigest"> & Partial<Pick<ProgramBinding, "coefficients">>;

/** Remembers which programs forward holds. */
export interface Programs {
  /**
   * Makes sure forward holds the program, and that it may act so.
   * @throws TrimtabError STEERING_UNAVAILABLE if it cannot be had, PERMISSION_DENIED for an ablation that is not allowed
   */
  ensure(bound: Bound, scope: CallScope): Promise<ProgramFacts>;
  /** Forward does not hold it after all. */
  forget(digest: string): void;
}

/**
 * Creates an empty memory.
 * @param options.allowAblation let programs through that take directions out of activations, as ablation of refusal does
 */
export function createPrograms(
  clients: GatewayClients,
  options: { readonly allowAblation: boolean },
): Programs {
  const checked = (facts: ProgramFacts, { coefficients = [] }: Bound): ProgramFacts => {
    if (options.allowAblation || !facts.ablates(coefficients)) return facts;
    throw new TrimtabError(
      "PERMISSION_DENIED",
      "this program takes a direction out of activations, which the operator has not allowed",
      { field: "steering.use.direction" },
    );
  };
  const uploaded = createLru<ProgramFacts>(LIMITS.programCacheEntries);
  return {
    forget: uploaded.delete,
    async ensure(bound, scope) {
      const digest = bound.programDigest;
      const known = uploaded.get(digest);
      if (known) return checked(known, bound);
      const program = await fetchProgram(clients, digest, scope);
      const facts = checked(factsOf(program), bound);
      const stored = await clients.forward
        .putProgram({ program }, scope)
        .catch(failureOf("forward", scope.signal));
      if (stored.programDigest !== digest) {
        throw new TrimtabError(
          "STEERING_UNAVAILABLE",
          "forward and steering disagree about a program's digest",
        );
      }
      uploaded.set(digest, facts);
      return facts;
    },
  };
}

async function fetchProgram(clients: GatewayClients, digest: string, scope: CallScope): Promise<Program> {
  const answer = await clients.steering
    .getProgram({ programDigest: digest }, scope)
    .catch((error: unknown) => Promise.reject(steeringFailure(error, scope.signal)));
  if (answer.program) return answer.program;
  throw new TrimtabError("STEERING_UNAVAILABLE", "the steering service named a program it does not have");
}

function factsOf(program: Program): ProgramFacts {
  const wholePrompt = program.operations.some((operation) => operation.scope === Scope.PROMPT);
  const windows = program.operations
    .filter((operation) => operation.scope === Scope.WINDOW)
    .map((operation) => operation.windowFirst);
  const first = Math.min(...windows, Infinity);
  // Kept as facts: the program itself (vectors of every layer) is not worth remembering.
  const actsFrom = program.operations.map(tokensToAct);
  const shares = program.operations.map(shareOf);
  return {
    ablates: (coefficients) =>
      shares.some((share, at) => share === -Infinity || share * (coefficients[at] ?? 0) < 0),
    operations: program.operations.length,
    actsOnPrompt: (promptTokens) => wholePrompt || first < promptTokens,
    mustAct: (coefficients, generatedTokens) =>
      coefficients.some(
        (value, at) => generatedTokens >= (actsFrom[at] ?? Infinity) && Math.abs(value) > NOTICEABLE,
      ),
  };
}

/**
 * What an operation adds, for each unit of its coefficient, along a vector to what lies along it already: below 0 it takes out, in whole
 * or in part, and a negative coefficient turns it round. −∞ for what takes out whatever its coefficient, 0 for what looks at no part.
 */
function shareOf({ kind, parameter, condition, conditionVector, vectors }: Operation): number {
  if (kind === OperationKind.ERASE || kind === OperationKind.REPLACE) return -Infinity;
  if (kind === OperationKind.MULTIPLY) return parameter - 1;
  return kind === OperationKind.ADD && condition === ConditionKind.RELU ? dot(conditionVector, vectors) : 0;
}

function dot(a: Tensor | undefined, b: Tensor | undefined): number {
  const y = valuesOf(b);
  return valuesOf(a).reduce((sum, value, at) => sum + value * (y[at] ?? 0), 0);
}

const valuesOf = (tensor: Tensor | undefined): Float32Array =>
  new Float32Array((tensor?.data ?? new Uint8Array()).slice().buffer);

/**
 * Generated tokens after which an operation has certainly acted; Infinity for what depends on the states, or on what the tokens are
 * part of. The last token is never computed, so a program on generated tokens alone (paper mode) has its first row with the second one.
 */
function tokensToAct({ kind, condition, scope, phases, answerWindow }: Operation): number {
  if (kind !== OperationKind.ADD || condition !== ConditionKind.UNSPECIFIED || phases.length > 0)
    return Infinity;
  if (scope === Scope.UNSPECIFIED || scope === Scope.PROMPT || scope === Scope.LAST) return 1;
  return scope === Scope.DECODE ? 2 + (answerWindow?.first ?? 0) : Infinity;
}
