/**
 * Does the answer admit that it is not known, instead of stating something as a fact? By phrases (style/hedges.ts).
 */
import { findAdmission } from "../style/hedges.ts";
import { findIncoherence } from "../text/loops.ts";
import { canonical } from "../text/words.ts";
import { eachItem, type Verifier } from "../verifier.ts";

/** Creates the verifier "hedging". */
export function createHedgingVerifier(): Verifier {
  return {
    name: "hedging",
    kind: "outcome",
    access: "none",
    needs: ["text"],
    labels: ["admits", "asserts", "incoherent"],
    description:
      "Whether the opening of an English answer admits that it is not known, or states something as a fact.",
    calibration: "1 if it admits a lack of knowledge, else 0; not a probability",
    parameters: { type: "object", properties: {}, additionalProperties: false },
    prepare: () => ({
      score: eachItem(({ text }) => {
        const broken = findIncoherence(canonical(text));
        if (broken !== undefined) return { score: 0, label: "incoherent", reason: broken };
        const admission = findAdmission(text);
        if (admission === undefined)
          return { score: 0, label: "asserts", reason: "no admission in the opening" };
        return { score: 1, label: "admits", reason: `admits: "${admission}"` };
      }),
    }),
  };
}
