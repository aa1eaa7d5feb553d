/**
 * Does the answer arrive at the expected number? Looks for a marked final number (`####`, `\boxed{}`, "the answer is"),
 * else takes the last number of the text. Cost: linear in the text.
 */
import { findFinalNumber } from "../text/numbers.ts";
import { roundingOf } from "../text/same-number.ts";
import { eachItem, type Verifier } from "../verifier.ts";

interface NumericParameters {
  readonly expected: number;
  readonly tolerance?: number;
  readonly relative_tolerance?: number;
}

/** Creates the verifier "numeric_answer". */
export function createNumericAnswerVerifier(): Verifier {
  return {
    name: "numeric_answer",
    kind: "outcome",
    access: "oracle",
    needs: ["text"],
    labels: ["correct", "wrong", "no_number"],
    description: "Whether the final number of the answer is the expected one.",
    calibration: "exact up to the tolerance; an answer that ends on another number counts as wrong",
    parameters: {
      type: "object",
      properties: {
        expected: { type: "number", description: "The right answer." },
        tolerance: { type: "number", minimum: 0, description: "Largest absolute difference; default 0." },
        relative_tolerance: {
          type: "number",
          minimum: 0,
          maximum: 1,
          description: "Largest difference as a share of the right answer; default 0.",
        },
      },
      required: ["expected"],
      additionalProperties: false,
    },
    prepare(parameters) {
      const { expected, tolerance = 0, relative_tolerance = 0 } = parameters as unknown as NumericParameters;
      const allowed = Math.max(tolerance, relative_tolerance * Math.abs(expected));
      return {
        score: eachItem(({ text }) => {
          const found = findFinalNumber(text);
          if (found === undefined)
            return { score: 0, label: "no_number", reason: "the answer has no number" };
          const distance = Math.abs(found.value - expected);
          const isRight = distance <= Math.max(allowed, roundingOf(found.value, expected));
          return {
            score: isRight ? 1 : 0,
            label: isRight ? "correct" : "wrong",
            reason: `found ${found.text}, expected ${expected}`,
          };
        }),
      };
    },
  };
}
