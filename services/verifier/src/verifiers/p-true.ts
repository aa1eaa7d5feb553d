/**
 * Does the model itself hold the answer to be right? P(Yes) / (P(Yes) + P(No)) after asking it.
 * Source: Kadavath et al. 2022, arXiv 2207.05221. Near chance on small models: look at its AUROC before using it.
 * Cost: one prompt an item, read once; conversation and answer are shared with the KV of the prefix cache.
 */
import { askedAfter, askModel } from "../asking/ask-model.ts";
import { askEach } from "../asking/ask-each.ts";
import { wordsSchema } from "../asking/words-schema.ts";
import type { Verifier } from "../verifier.ts";

const QUESTION = "Is the answer above correct? Reply with Yes or No.";
const OPTIONS = ["Yes", "No"];

/** Creates the verifier "p_true". */
export function createPTrueVerifier(): Verifier {
  return {
    name: "p_true",
    kind: "outcome",
    access: "self",
    needs: ["messages", "text"],
    labels: [],
    description: "The model's own probability that the answer is correct, asked after it.",
    calibration: "the model's belief; near chance on models below a billion parameters",
    parameters: wordsSchema(
      "question",
      `Asked after the answer, to be replied to with Yes or No; default "${QUESTION}"`,
    ),
    prepare(parameters) {
      const { question = QUESTION } = parameters as { question?: string };
      return {
        score: (batch, context) =>
          askEach(batch, async (items) => {
            const answers = await askModel(
              items.map((item) => askedAfter(item, question)),
              OPTIONS,
              context,
            );
            return answers.map((answer) => {
              if ("failure" in answer) return answer;
              const [yes = Number.NaN] = answer;
              return { score: yes, reason: `P(Yes) = ${yes.toFixed(4)}` };
            });
          }),
      };
    },
  };
}
