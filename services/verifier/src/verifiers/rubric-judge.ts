/**
 * The model as a judge, one answer at a time: it is asked for a grade, and the score is the expected grade under its
 * probabilities, not the grade it would write. Source: G-Eval (Liu et al. 2023, arXiv 2303.16634). Cost: one prompt an item.
 */
import { askEach } from "../asking/ask-each.ts";
import { askedAfter, askModel } from "../asking/ask-model.ts";
import { wordsSchema } from "../asking/words-schema.ts";
import type { Verifier } from "../verifier.ts";

const CRITERION = "correctness";
const GRADES = ["1", "2", "3", "4", "5"];

/** Creates the verifier "rubric_judge". */
export function createRubricJudgeVerifier(): Verifier {
  return {
    name: "rubric_judge",
    kind: "outcome",
    access: "self",
    needs: ["messages", "text"],
    labels: [],
    description: "The model grades the answer from 1 to 5 by a criterion; the score is the expected grade.",
    calibration: "none: an order at best; near chance on models below a billion parameters",
    parameters: wordsSchema("criterion", `What is graded; default "${CRITERION}".`),
    prepare(parameters) {
      const { criterion = CRITERION } = parameters as { criterion?: string };
      const question = `Grade the answer above for ${criterion} from 1 (worst) to 5 (best). Reply with the grade only.`;
      return {
        score: (batch, context) =>
          askEach(batch, async (items) => {
            const answers = await askModel(
              items.map((item) => askedAfter(item, question)),
              GRADES,
              context,
            );
            return answers.map((answer) => {
              if ("failure" in answer) return answer;
              const expected = answer.reduce((sum, probability, index) => sum + probability * index, 0);
              const score = expected / (GRADES.length - 1);
              return { score, reason: `expected grade ${(1 + expected).toFixed(3)} of ${GRADES.length}` };
            });
          }),
      };
    },
  };
}
