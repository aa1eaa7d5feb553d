/** How a search fails by itself, and what stands in for a verdict that failed. */
import { type Reason, TrimtabError } from "#kit/errors.ts";
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

const NEUTRAL = 0.5;

/** The score that stands in for a verdict there is not: the mean of those there are. */
export function neutralScore(verdicts: readonly Judgement[]): number {
  const known = verdicts.flatMap(({ score }) => (score === undefined ? [] : [score]));
  return known.length === 0 ? NEUTRAL : known.reduce((sum, score) => sum + score, 0) / known.length;
}
