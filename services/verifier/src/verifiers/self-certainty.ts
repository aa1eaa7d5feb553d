/**
 * How peaked were the model's distributions? C = mean over tokens of -mean log p over the reported alternatives; the score
 * is C / (1 + C). Source: self-certainty (Kang et al. 2025, arXiv 2502.18581) over the top k, as DeepConf has it (arXiv
 * 2508.15260); the published form takes all of the vocabulary. Cost: linear in the alternatives.
 */
import { meanAsAsked, STRETCH_PARAMETERS } from "../text/windows.ts";
import { eachItem, type Verifier } from "../verifier.ts";

/** Creates the verifier "self_certainty". */
export function createSelfCertaintyVerifier(): Verifier {
  return {
    name: "self_certainty",
    kind: "process",
    access: "self",
    needs: ["tokens", "alternatives"],
    labels: [],
    description:
      "How peaked the model's distributions were, from the alternatives of each token (top_logprobs ≥ 2).",
    calibration:
      "orders answers to one question; the number itself depends on how many alternatives are reported",
    parameters: STRETCH_PARAMETERS,
    prepare(parameters) {
      const mean = meanAsAsked(parameters);
      return {
        score: eachItem(({ tokens }) => {
          if (tokens.length === 0 || tokens.some(({ top }) => top.length < 2)) {
            const reason = "the item has no tokens with two alternatives or more";
            return { failure: "FIELD_REQUIRED", reason };
          }
          const peaks = tokens.map(
            ({ top }) => -top.reduce((sum, { logprob }) => sum + logprob, 0) / top.length,
          );
          const certainty = mean(peaks);
          if (!Number.isFinite(certainty) || certainty < 0) {
            return { failure: "NON_FINITE", reason: "a log-probability is not finite or above 0" };
          }
          return { score: certainty / (1 + certainty), reason: `${certainty.toFixed(4)} nats` };
        }),
      };
    },
  };
}
