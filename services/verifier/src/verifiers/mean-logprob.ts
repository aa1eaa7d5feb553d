/**
 * How likely did the model find its own answer? exp of the mean log-probability of the tokens, or of their worst or last
 * stretch. Favours bland and repetitive text. Cost: linear in the tokens.
 */
import { CONFIDENCE_LIMITS } from "../../limits.ts";
import { meanOver, type Stretch, STRETCHES } from "../text/windows.ts";
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
    parameters: {
      type: "object",
      properties: {
        stretch: {
          type: "string",
          enum: [...STRETCHES],
          description: "All tokens (default), lowest window, tail.",
        },
        window: {
          type: "integer",
          minimum: 1,
          maximum: CONFIDENCE_LIMITS.window,
          description: "Tokens; default 16.",
        },
      },
      additionalProperties: false,
    },
    prepare(parameters) {
      const { stretch = "all", window = CONFIDENCE_LIMITS.defaultWindow } = parameters as {
        stretch?: Stretch;
        window?: number;
      };
      return {
        score: eachItem(({ tokens }) => {
          if (tokens.length === 0) return { failure: "FIELD_REQUIRED", reason: "the item has no tokens" };
          const value = meanOver(
            tokens.map(({ logprob }) => logprob),
            stretch,
            window,
          );
          if (!Number.isFinite(value))
            return { failure: "NON_FINITE", reason: "a log-probability is not finite" };
          return { score: Math.min(1, Math.exp(value)), reason: `${value.toFixed(4)} nats a token` };
        }),
      };
    },
  };
}
