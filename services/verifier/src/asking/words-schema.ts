/** Parameters of verifiers that ask the model: the words of the question, if not the usual ones. */
import { JUDGE_LIMITS } from "../../limits.ts";
import type { Verifier } from "../verifier.ts";

/** Schema of a single parameter `name`, a text of the question. */
export function wordsSchema(name: string, description: string): Verifier["parameters"] {
  const words = { type: "string", minLength: 1, maxLength: JUDGE_LIMITS.questionChars, description };
  return { type: "object", properties: { [name]: words }, additionalProperties: false };
}
