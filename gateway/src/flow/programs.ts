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
  Scope,
} from "#proto/trimtab/type/v1/program_pb.ts";
import type { CallScope, GatewayClients } from "../clients.ts";
import { LIMITS } from "../limits.ts";
import { failureOf, steeringFailure } from "./reasons.ts";

/** Where a program acts, as far as the flow must know. */
export interface ProgramFacts {
  /** Does it act on prompt tokens, given a prompt of this many? Then the prompt is computed under it. */
  actsOnPrompt(promptTokens: number): boolean;
  /** Must it have changed at least one row once this many tokens were generated under these coefficients? */
  mustAct(coefficients: readonly number[], generatedTokens: number): boolean;
  /** Does it take directions out of activations? */
  readonly ablates: boolean;
  /** How many coefficients it takes. */
  readonly operations: number;
}

/** Below this a coefficient may vanish in the rounding of 32-bit floats. */
const NOTICEABLE = 1e-3;

/** Remembers which programs forward holds. */
export interface Programs {
  /** Makes sure forward holds the program; throws STEERING_UNAVAILABLE if it cannot be had. */
  ensure(digest: string, scope: CallScope): Promise<ProgramFacts>;
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
  const checked = (facts: ProgramFacts): ProgramFacts => {
    if (!facts.ablates || options.allowAblation) return facts;
    throw new TrimtabError(
      "PERMISSION_DENIED",
      "this program takes a direction out of activations, which the operator has not allowed",
      { field: "steering.use.direction" },
    );
  };
  const uploaded = createLru<ProgramFacts>(LIMITS.programCacheEntries);
  return {
    forget: uploaded.delete,
    async ensure(digest, scope) {
      const known = uploaded.get(digest);
      if (known) return checked(known);
      const program = await fetchProgram(clients, digest, scope);
      const facts = checked(factsOf(program));
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
  return {
    ablates: program.operations.some(ablates),
    operations: program.operations.length,
    actsOnPrompt: (promptTokens) => wholePrompt || first < promptTokens,
    mustAct: (coefficients, generatedTokens) =>
      coefficients.some(
        (value, at) => generatedTokens >= (actsFrom[at] ?? Infinity) && Math.abs(value) > NOTICEABLE,
      ),
  };
}

/** Takes out what lies along a vector, in whole or in part, or sets it to a value of its own. */
function ablates({ kind, parameter }: Operation): boolean {
  if (kind === OperationKind.MULTIPLY) return parameter < 1;
  return kind === OperationKind.ERASE || kind === OperationKind.REPLACE;
}

/**
 * Generated tokens after which an operation has certainly acted; Infinity for what depends on the states. The last token
 * is never computed, so a program on generated tokens alone (paper mode) has its first row with the second one.
 */
function tokensToAct({ kind, condition, scope }: Operation): number {
  if (kind !== OperationKind.ADD || condition !== ConditionKind.UNSPECIFIED) return Infinity;
  if (scope === Scope.UNSPECIFIED || scope === Scope.PROMPT || scope === Scope.LAST) return 1;
  return scope === Scope.DECODE ? 2 : Infinity;
}
