/**
 * Is the answer formal or informal? By word lists (style/register.ts). Score: share of the formal among the marks found.
 */
import { registerOf } from "../style/register.ts";
import { eachItem, type Verifier } from "../verifier.ts";

/** Creates the verifier "register". */
export function createRegisterVerifier(): Verifier {
  return {
    name: "register",
    kind: "outcome",
    access: "none",
    needs: ["text"],
    labels: ["formal", "neutral", "informal"],
    description:
      "Whether an English answer is formal, neutral or informal, by contractions, slang and formal words.",
    calibration: "share of formal marks among all marks, half without any; not a probability",
    parameters: { type: "object", properties: {}, additionalProperties: false },
    prepare: () => ({
      score: eachItem(({ text }) => {
        const { register, formal, informal, words } = registerOf(text);
        const reason = `${formal} formal and ${informal} informal marks in ${words} words`;
        return { score: (formal + 0.5) / (formal + informal + 1), label: register, reason };
      }),
    }),
  };
}
