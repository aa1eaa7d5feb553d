/** How a search fails by itself. */
import { type Reason, TrimtabError } from "#kit/errors.ts";

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
