/**
 * Does the answer's assignment satisfy every clause? Clauses are lists of literals as in DIMACS: 3 is x3, -3 its negation.
 * Cost: literals + text.
 */
import { SAT_LIMITS } from "../../limits.ts";
import { eachItem, type Verifier } from "../verifier.ts";

const ASSIGNMENT = /\bx_?(\d{1,3})(?!\d)\s*(?:(?:=|:|is|->|→)\s*)?(true|false|1|0|t|f)\b/gi;

/** Creates the verifier "sat_assignment". */
export function createSatAssignmentVerifier(): Verifier {
  return {
    name: "sat_assignment",
    kind: "outcome",
    access: "program",
    needs: ["text"],
    labels: ["satisfied", "violated", "no_assignment"],
    description: "Whether an assignment written as x1=true, x2=false, … satisfies every clause.",
    calibration: "exact; a variable without a value satisfies nothing",
    parameters: {
      type: "object",
      properties: {
        clauses: {
          type: "array",
          items: {
            type: "array",
            items: {
              type: "integer",
              minimum: -SAT_LIMITS.variables,
              maximum: SAT_LIMITS.variables,
              not: { const: 0 },
            },
            minItems: 1,
            maxItems: SAT_LIMITS.literals,
          },
          minItems: 1,
          maxItems: SAT_LIMITS.clauses,
          description: "Clauses of literals: 3 is x3, -3 its negation.",
        },
      },
      required: ["clauses"],
      additionalProperties: false,
    },
    prepare(parameters) {
      const { clauses } = parameters as unknown as { clauses: number[][] };
      return {
        score: eachItem(({ text }) => {
          if (text.length > SAT_LIMITS.textChars) {
            const reason = `the answer is longer than ${SAT_LIMITS.textChars} characters`;
            return { failure: "TOO_LARGE", reason };
          }
          const values = new Map<number, boolean>();
          for (const [, name, value = ""] of text.matchAll(ASSIGNMENT)) {
            values.set(Number(name), /^(true|1|t)$/i.test(value));
          }
          if (values.size === 0)
            return { score: 0, label: "no_assignment", reason: "the answer assigns nothing" };
          const violated = clauses.findIndex(
            (clause) => !clause.some((literal) => values.get(Math.abs(literal)) === literal > 0),
          );
          return violated < 0
            ? { score: 1, label: "satisfied", reason: `all ${clauses.length} clauses hold` }
            : { score: 0, label: "violated", reason: `clause ${violated + 1} does not hold` };
        }),
      };
    },
  };
}
