/** How a search fails by itself, and what stands in for a verdict that failed. */
import { type Reason, TrimtabError } from "#kit/errors.ts";
import type { Candidate, Judging } from "./strategy.ts";
import type { Judgement } from "./world.ts";
/** A strict search whose verifier could not judge. */
export function failedVerdict(failure: string): TrimtabError {
  const message = `the verifier could not judge a candidate (${failure}); degraded: best_effort goes on without it`;
  const reason: Reason = failure === "NON_FINITE" ? "NON_FINITE" : "SERVICE_UNAVAILABLE";
  return new TrimtabError(reason, message, { field: "scaling.verifier" });
}

/** A search of which no candidate is left. */
export function failedCandidate(): TrimtabError {
  return new TrimtabError("SERVICE_UNAVAILABLE", "the engine could not finish any candidate");
}

/** Is there nothing to judge? What reads the words or tokens of a text has no verdict on one without any. */
export function isMute({ text }: Pick<Candidate, "text">, { failure }: Judgement): boolean {
  return text === "" && failure === "FIELD_REQUIRED";
}

const NEUTRAL = 0.5;

/** What gives the score that stands in for verdicts there are not: the mean of those there have been in a search. */
export function createStandIn(): (judging: Judging, verdicts: readonly Judgement[]) => number {
  const given: Record<Judging, number[]> = { outcome: [], process: [] };
  return (judging, verdicts) => {
    const known = given[judging];
    known.push(...verdicts.flatMap(({ score }) => score ?? []));
    return known.length === 0 ? NEUTRAL : known.reduce((sum, score) => sum + score, 0) / known.length;
  };
}
