/**
 * Does the answer repeat itself? Score: share of word n-grams that are new; 0 for an answer stuck in a loop.
 * Cost: linear in the words (n-grams), times 48 periods (loops).
 */
import { findLoop, repeatedShare } from "../text/loops.ts";
import { canonical, wordsOf } from "../text/words.ts";
import { eachItem, type Verifier } from "../verifier.ts";

const DEFAULT_GRAM_WORDS = 4;

/** Creates the verifier "repetition". */
export function createRepetitionVerifier(): Verifier {
  return {
    name: "repetition",
    kind: "process",
    access: "none",
    needs: ["text"],
    labels: ["varied", "loops"],
    description: "Share of the answer's word n-grams that are new, and whether it is stuck in a loop.",
    calibration: "1 is no repetition; ordinary prose of 100 words scores above 0.95, a loop scores 0",
    parameters: {
      type: "object",
      properties: {
        n: { type: "integer", minimum: 1, maximum: 16, description: "Words of an n-gram; default 4." },
      },
      additionalProperties: false,
    },
    prepare(parameters) {
      const n = (parameters.n as number | undefined) ?? DEFAULT_GRAM_WORDS;
      return {
        score: eachItem(({ text }) => {
          const words = wordsOf(canonical(text));
          const loop = findLoop(words);
          if (loop !== undefined)
            return { score: 0, label: "loops", reason: `loops: "${loop.slice(0, 80)}"` };
          const repeated = repeatedShare(words, n);
          const percent = (100 * repeated).toFixed(1);
          return { score: 1 - repeated, label: "varied", reason: `${percent} % of ${n}-grams are repeated` };
        }),
      };
    },
  };
}
