/**
 * Does a text admit that something is not known, or state it as a fact? By phrases in the opening sentences: doubt that
 * comes after an answer was given is no admission. English only. Linear in the text.
 */
import { canonical, sentencesOf, wordsOf } from "../text/words.ts";

const OPENING_SENTENCES = 3;
const OPENING_WORDS = 60;

/** The speaker, or anybody, does not know. */
const UNKNOWN: readonly RegExp[] = [
  /\b(?:i|we|nobody|no one|no-one|scientists|historians|experts) (?:don't|do not|doesn't|does not|can't|cannot|can not|could not|couldn't) (?:really |actually |currently |yet |possibly |know )?(?:know|tell|say|predict|determine|be (?:sure|certain)|confirm|answer|have (?:any |enough |access to )?(?:information|knowledge|data|a way|details|access)|provide (?:a |an |any |the )?(?:specific|exact|definite|precise|accurate|real-time|current))/,
  /\b(?:i'm|i am|we're|we are) (?:not (?:sure|certain|able to (?:know|say|tell|predict|answer|determine|provide))|unsure|uncertain|unable to (?:know|say|tell|predict|answer|determine|provide|access))/,
  /\b(?:nobody|no one|no-one) (?:knows|can (?:know|say|tell|predict))\b/,
  /\b(?:it is|it's|that is|that's|this is|is|are|remains?|was) (?:not (?:known|possible to (?:know|say|tell|predict|determine)|clear|certain)|unknown|unclear|uncertain|unknowable|impossible to (?:know|say|tell|predict|determine|be)|difficult to (?:know|say|tell|predict|determine)|hard to (?:know|say|tell|predict))/,
  /\bthere (?:is|'s) no (?:way (?:to (?:know|tell|say)|of knowing)|record|definit\w+ answer|certain\w* answer|single answer|evidence|reliable|known)/,
  /\b(?:i|we) (?:lack|have no) (?:the |any )?(?:information|knowledge|access|way|idea|record)/,
  /\b(?:cannot|can't|can not) be (?:known|determined|answered|predicted)\b/,
];

/** What admits a lack of knowledge in the opening; undefined if the text states its answer. */
export function findAdmission(text: string): string | undefined {
  let words = 0;
  for (const { text: sentence } of sentencesOf(canonical(text)).slice(0, OPENING_SENTENCES)) {
    if (words > OPENING_WORDS) return undefined;
    for (const expression of UNKNOWN) {
      const match = expression.exec(sentence);
      if (match) return match[0].slice(0, 80);
    }
    words += wordsOf(sentence).length;
  }
  return undefined;
}
