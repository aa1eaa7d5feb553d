/**
 * Is a sum, worked out one partial sum a line, right so far? The exact process value of chain sums that are to be worked out: an
 * answer in the making can still become right exactly as long as every line adds the next term to the sum of those before. An
 * answer that has ended is right if all lines are there and the sum is given. Linear in the text.
 */
import { FinishReason } from "#proto/trimtab/type/v1/generation_pb.ts";
import { ARITHMETIC_LIMITS } from "../../limits.ts";
import { ERROR_MODEL_SCHEMA, type ErrorModel, withErrors } from "../text/error-model.ts";
import { findFinalNumber } from "../text/numbers.ts";
import { mayBecome } from "../text/same-number.ts";
import { eachItem, type Judged, type Verifier } from "../verifier.ts";

const ADDITION = /(-?\d{1,15})\s*\+\s*(-?\d{1,15})\s*=\s*(-?\d{1,15})(?!\d)/g;
const ANSWER = /\banswer\b/i;

/** Creates the verifier "partial_sums". */
export function createPartialSumsVerifier(): Verifier {
  return {
    name: "partial_sums",
    kind: "process",
    access: "program",
    needs: ["text"],
    labels: ["right", "wrong"],
    description:
      "Whether each line `sum + next term = new sum`, and the final answer once it is there, is right.",
    calibration:
      "exact: 1 as long as the answer can still become right (one that has ended: is right), else 0; or as `errors` says",
    parameters: {
      type: "object",
      properties: {
        terms: {
          type: "array",
          items: { type: "integer" },
          minItems: 2,
          maxItems: ARITHMETIC_LIMITS.numbers,
          description: "What is to be added, in order.",
        },
        errors: ERROR_MODEL_SCHEMA,
      },
      required: ["terms"],
      additionalProperties: false,
    },
    prepare(parameters) {
      const { terms, errors } = parameters as unknown as { terms: number[]; errors?: ErrorModel };
      return {
        score: eachItem(({ text, finishReason }) => {
          if (text.length <= ARITHMETIC_LIMITS.textChars) {
            const outcome = judge(text, terms, finishReason !== FinishReason.UNSPECIFIED);
            if (errors === undefined) return outcome;
            const steps = text.match(ADDITION)?.length ?? 0;
            return { ...outcome, score: withErrors(outcome.score, text, steps, errors) };
          }
          const reason = `the answer is longer than ${ARITHMETIC_LIMITS.textChars} characters`;
          return { failure: "TOO_LARGE", reason };
        }),
      };
    },
  };
}

function judge(text: string, [first = 0, ...rest]: readonly number[], hasEnded: boolean): Judged {
  let sum = first;
  /** Of an answer in the making, digits at its end may be the first of more. */
  const comesTo = (spelled: string, value: number): boolean =>
    Number(spelled) === value || (!hasEnded && text.endsWith(spelled) && mayBecome(spelled, value));
  const additions = [...text.matchAll(ADDITION)];
  for (const [index, [line, left, term, result = ""]] of additions.entries()) {
    const next = rest[index];
    const isRight = Number(left) === sum && Number(term) === next && comesTo(result, sum + Number(term));
    if (!isRight) return { score: 0, label: "wrong", reason: `line ${index + 1}, ${line}, is wrong` };
    sum += Number(term);
  }
  const total = rest.reduce((all, term) => all + term, first);
  const at = text.search(ANSWER);
  const answer = at < 0 ? undefined : findFinalNumber(text.slice(at));
  if (answer !== undefined && answer.value !== total && !comesTo(answer.text, total)) {
    return { score: 0, label: "wrong", reason: `the answer is ${total}, not ${answer.value}` };
  }
  if (hasEnded && (answer === undefined || additions.length < rest.length)) {
    const reason = `the answer ended after ${additions.length} of ${rest.length} lines`;
    return { score: 0, label: "wrong", reason };
  }
  return { score: 1, label: "right", reason: `${additions.length} of ${rest.length} lines, all right` };
}
