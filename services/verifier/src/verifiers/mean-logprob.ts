/**
 * How likely did the model find its own answer? exp of the mean log-probability of the tokens, or of their worst or last
 * stretch. Favours bland and repetitive text. Cost: linear in the tokens.
 */
import { meanAsAsked, STRETCH_PARAMETERS } from "../text/windows.ts";
import { eachItem, type Verifier } from "../verifier.ts";

/** Creates the verifier "mean_logprob". */
export function createMeanLogprobVerifier(): Verifier {
  return {
    name: "mean_logprob",
    kind: "process",
    access: "self",
    needs: ["tokens"],
    labels: [],
    description: "The geometric mean probability of the answer's tokens.",
    calibration: "the model's own probability a token, not one of being right",
    parameters: STRETCH_PARAMETERS,
    prepare(parameters) {
      const mean = meanAsAsked(parameters);
      return {
        score: eachItem(({ tokens }) => {
          if (tokens.length === 0) return { failure: "FIELD_REQUIRED", reason: "the item has no tokens" };
          const value = mean(tokens.map(({ logprob }) => logprob));
          if (!Number.isFinite(value))
            return { failure: "NON_FINITE", reason: "a log-probability is not finite" };
          return { score: Math.min(1, Math.exp(value)), reason: `${value.toFixed(4)} nats a token` };
        }),
      };
    },
  };
}
