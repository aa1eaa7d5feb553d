/**
 * The verifiers of this service by name, each with the compiled check of its parameters.
 */
import { TrimtabError } from "#kit/errors.ts";
import type { ArtifactStore } from "#kit/artifact-store.ts";
import { type CheckParameters, createParameterCheck } from "#kit/parameters.ts";
import { quoted } from "#kit/printable.ts";
import { REQUEST_LIMITS } from "../limits.ts";
import type { Sandbox } from "./sandbox/sandbox.ts";
import type { Verifier } from "./verifier.ts";
import { createEquationsVerifier } from "./verifiers/equations.ts";
import { createExpressionVerifier } from "./verifiers/expression.ts";
import { createHedgingVerifier } from "./verifiers/hedging.ts";
import { createJsonSchemaVerifier } from "./verifiers/json-schema.ts";
import { createLanguageVerifier } from "./verifiers/language.ts";
import { createLengthVerifier } from "./verifiers/length.ts";
import { createLinearProbeVerifier } from "./verifiers/linear-probe.ts";
import { createMazePathVerifier } from "./verifiers/maze-path.ts";
import { createMeanLogprobVerifier } from "./verifiers/mean-logprob.ts";
import { createNumericAnswerVerifier } from "./verifiers/numeric-answer.ts";
import { createPTrueVerifier } from "./verifiers/p-true.ts";
import { createPairwiseJudgeVerifier } from "./verifiers/pairwise-judge.ts";
import { createPartialSumsVerifier } from "./verifiers/partial-sums.ts";
import { createReachableTargetVerifier } from "./verifiers/reachable-target.ts";
import { createRefusalLogOddsVerifier } from "./verifiers/refusal-log-odds.ts";
import { createRefusalVerifier } from "./verifiers/refusal.ts";
import { createRegisterVerifier } from "./verifiers/register.ts";
import { createRegexVerifier } from "./verifiers/regex.ts";
import { createRepetitionVerifier } from "./verifiers/repetition.ts";
import { createRubricJudgeVerifier } from "./verifiers/rubric-judge.ts";
import { createSatAssignmentVerifier } from "./verifiers/sat-assignment.ts";
import { createSelfCertaintyVerifier } from "./verifiers/self-certainty.ts";
import { createSentimentVerifier } from "./verifiers/sentiment.ts";
import { createSortedVerifier } from "./verifiers/sorted.ts";
import { createStateProbeVerifier } from "./verifiers/state-probe.ts";
import { createUnitTestsVerifier } from "./verifiers/unit-tests.ts";
import { createVoteShareVerifier } from "./verifiers/vote-share.ts";

/** A verifier ready to be used. */
export interface Entry {
  readonly verifier: Verifier;
  readonly check: CheckParameters;
}

/** Verifiers by name, in the order in which they are listed. */
export interface Registry {
  readonly entries: readonly Entry[];
  /** @throws TrimtabError VERIFIER_NOT_FOUND or FIELD_REQUIRED that names `field`. */
  find(name: string, field: string): Entry;
}

/**
 * The verifiers that ship with the service. Those that run code do it in the sandbox, which is the caller's to close; trained
 * ones are read from the store.
 */
export function createVerifiers(sandbox: Sandbox, store?: ArtifactStore): Verifier[] {
  return [
    createRefusalVerifier(),
    createRefusalLogOddsVerifier(),
    createRegexVerifier(),
    createJsonSchemaVerifier(),
    createNumericAnswerVerifier(),
    createEquationsVerifier(),
    createPartialSumsVerifier(),
    createExpressionVerifier(),
    createReachableTargetVerifier(),
    createSortedVerifier(),
    createSatAssignmentVerifier(),
    createMazePathVerifier(),
    createUnitTestsVerifier(sandbox),
    createLengthVerifier(),
    createRepetitionVerifier(),
    createLanguageVerifier(),
    createRegisterVerifier(),
    createSentimentVerifier(),
    createHedgingVerifier(),
    createVoteShareVerifier(),
    createMeanLogprobVerifier(),
    createSelfCertaintyVerifier(),
    createPTrueVerifier(),
    createRubricJudgeVerifier(),
    createPairwiseJudgeVerifier(),
    createLinearProbeVerifier(),
    createStateProbeVerifier(store),
  ];
}

/** Creates a registry of the given verifiers. */
export function createRegistry(verifiers: readonly Verifier[]): Registry {
  const entries = verifiers.map((verifier) => ({ verifier, check: createLazyCheck(verifier) }));
  const byName = new Map(entries.map((entry) => [entry.verifier.name, entry]));
  return {
    entries,
    find(name, field) {
      if (name === "") throw new TrimtabError("FIELD_REQUIRED", `${field} is required`, { field });
      const entry = byName.get(name);
      if (entry === undefined) {
        const known = [...byName.keys()].join(", ");
        throw new TrimtabError("VERIFIER_NOT_FOUND", `no verifier ${quoted(name)}; there are ${known}`, {
          field,
        });
      }
      return entry;
    },
  };
}

/** The schema is compiled when the verifier is used first: most of them never are. */
function createLazyCheck({ parameters: schema }: Verifier): CheckParameters {
  let check: CheckParameters | undefined;
  return (parameters, field) => (check ??= createParameterCheck(schema, REQUEST_LIMITS))(parameters, field);
}
