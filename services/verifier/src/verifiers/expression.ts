/**
 * Does the answer's expression reach the target with the given numbers, each used at most once? (The game Countdown.)
 * Cost: linear in the text.
 */
import { ARITHMETIC_LIMITS } from "../../limits.ts";
import { findLastExpression, isWithin } from "../text/arithmetic.ts";
import { isSameNumber } from "../text/same-number.ts";
import { eachItem, type Verifier } from "../verifier.ts";

interface ExpressionParameters {
  readonly numbers: number[];
  readonly target: number;
  readonly use_all?: boolean;
}

/** Creates the verifier "expression". */
export function createExpressionVerifier(): Verifier {
  return {
    name: "expression",
    kind: "outcome",
    access: "program",
    needs: ["text"],
    labels: ["correct", "wrong_value", "wrong_numbers", "no_expression"],
    description: "Whether the answer's last expression equals a target and uses given numbers at most once.",
    calibration: "exact",
    parameters: {
      type: "object",
      properties: {
        numbers: {
          type: "array",
          items: { type: "number" },
          minItems: 1,
          maxItems: ARITHMETIC_LIMITS.numbers,
          description: "Numbers that may be used, each once.",
        },
        target: { type: "number", description: "What the expression must equal." },
        use_all: { type: "boolean", description: "Every number must be used; default false." },
      },
      required: ["numbers", "target"],
      additionalProperties: false,
    },
    prepare(parameters) {
      const { numbers, target, use_all = false } = parameters as unknown as ExpressionParameters;
      return {
        score: eachItem(({ text }) => {
          if (text.length > ARITHMETIC_LIMITS.textChars) {
            const reason = `the answer is longer than ${ARITHMETIC_LIMITS.textChars} characters`;
            return { failure: "TOO_LARGE", reason };
          }
          const found = findLastExpression(text);
          if (found === undefined) {
            return { score: 0, label: "no_expression", reason: "the answer has no expression" };
          }
          const spelled = found.text.slice(0, 80);
          if (!isWithin(found.numbers, numbers, use_all)) {
            return { score: 0, label: "wrong_numbers", reason: `${spelled} uses other numbers than given` };
          }
          const isRight = isSameNumber(found.value, target);
          return {
            score: isRight ? 1 : 0,
            label: isRight ? "correct" : "wrong_value",
            reason: `${spelled} equals ${found.value}, the target is ${target}`,
          };
        }),
      };
    },
  };
}
