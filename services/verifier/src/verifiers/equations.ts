/**
 * Do the equations of an answer hold? Every `a op b = c` is a step; the score folds right and wrong steps into one.
 * Source: arithmetic checkers as process verifiers. Cost: linear in the text.
 */
import { FinishReason } from "#proto/trimtab/type/v1/generation_pb.ts";
import { ARITHMETIC_LIMITS } from "../../limits.ts";
import { findEquations } from "../text/arithmetic.ts";
import { STEP_AGGREGATIONS, type StepAggregation, aggregateSteps } from "../text/steps.ts";
import { eachItem, type Verifier } from "../verifier.ts";

/** What is said of an answer that calculates nothing: neither right nor wrong. */
const UNKNOWN = 0.5;

/** Creates the verifier "equations". */
export function createEquationsVerifier(): Verifier {
  return {
    name: "equations",
    kind: "process",
    access: "program",
    needs: ["text"],
    labels: ["holds", "wrong", "no_equation"],
    description: "Whether the equations in the answer so far hold.",
    calibration: "exact on what is calculated; says nothing of what was the right thing to calculate",
    parameters: {
      type: "object",
      properties: {
        aggregation: {
          type: "string",
          enum: [...STEP_AGGREGATIONS],
          description: "How the equations (1 or 0 each) become one score; default mean.",
        },
      },
      additionalProperties: false,
    },
    prepare(parameters) {
      const { aggregation = "mean" } = parameters as { aggregation?: StepAggregation };
      return {
        score: eachItem(({ text, finishReason }) => {
          if (text.length > ARITHMETIC_LIMITS.textChars) {
            const reason = `the answer is longer than ${ARITHMETIC_LIMITS.textChars} characters`;
            return { failure: "TOO_LARGE", reason };
          }
          const equations = findEquations(text, finishReason === FinishReason.UNSPECIFIED);
          if (equations.length === 0) {
            return { score: UNKNOWN, label: "no_equation", reason: "the answer has no equation" };
          }
          const score = aggregateSteps(
            equations.map(({ holds }) => (holds ? 1 : 0)),
            aggregation,
          );
          const wrong = equations.find(({ holds }) => !holds);
          return wrong === undefined
            ? { score, label: "holds", reason: `${equations.length} equations hold` }
            : { score, label: "wrong", reason: `${wrong.text.slice(0, 80)} does not hold` };
        }),
      };
    },
  };
}
