/**
 * How formal a text is, by word lists: contractions, slang and shouting against the words of letters and reports. Counts a
 * hundred words; a text that has neither is neutral. English only. Linear in the text.
 * Source: own lists, after the criteria of F. Heylighen & J.-M. Dewaele (1999) that need no tagger.
 */
import { canonical, wordsOf } from "../text/words.ts";

/** How formal a text is. */
export type Register = "formal" | "neutral" | "informal";

/** A finding with its counts. */
export interface RegisterFinding {
  readonly register: Register;
  readonly formal: number;
  readonly informal: number;
  readonly words: number;
}

const CONTRACTION = /\b(?:\w+n't|\w+'(?:re|ve|ll|d|m)|(?:it|that|there|here|what|who|how|let|he|she)'s)\b/g;
const COLLOQUIAL =
  /\b(?:gonna|wanna|gotta|kinda|sorta|yeah|yep|nope|hey|hi|cool|awesome|super|stuff|guys?|folks|kids?|okay|ok|lol|btw|omg|yay|wow|oops|hmm+|totally|basically|pretty (?:much|good|cool|easy)|a (?:lot|bunch|ton) of|lots of|no (?:worries|problem|biggie)|sure thing|you bet|you know|of course|check (?:it|this) out|dude|buddy|pal|mate|fun|crazy|huge|just)\b/g;
const SHOUT = /!|\p{Extended_Pictographic}/gu;
const FORMAL =
  /\b(?:therefore|thus|hence|furthermore|moreover|however|nevertheless|nonetheless|consequently|accordingly|additionally|regarding|concerning|pertaining|with (?:regard|respect) to|in accordance|in addition|in order to|it is (?:important|essential|advisable|recommended|necessary|generally|widely|imperative|worth)|one (?:may|must|should|can)|shall|whom|upon|wherein|whereby|aforementioned|respectively|such as|as follows|the following|subsequently|prior to|ensure|require[sd]?|obtain|provide[sd]?|assist(?:ance)?|utili[sz]e|facilitate|demonstrate|essential|crucial|necessary|significant(?:ly)?|fundamental|primar(?:y|ily)|distinct|consists?|comprehensive|particular(?:ly)?|various|sufficient|numerous|individuals?|appropriate|permit(?:s|ted)?|commence|constitutes?|comprises?|dear (?:sir|madam)|yours (?:sincerely|faithfully)|sincerely|kindly|i would be (?:pleased|glad|happy)|please (?:note|be advised|find))\b/g;

/** Formal words a hundred that make a text formal, if hardly anything informal stands beside them. */
const FORMAL_RATE = 2;
/** Informal words a hundred that make a text informal. */
const INFORMAL_RATE = 2;

/** Sorts a text. */
export function registerOf(text: string): RegisterFinding {
  const plain = canonical(text);
  const words = wordsOf(plain).length;
  const count = (expression: RegExp): number => plain.match(expression)?.length ?? 0;
  const formal = count(FORMAL);
  const informal = count(CONTRACTION) + count(COLLOQUIAL) + count(SHOUT);
  const rate = (hits: number): number => (100 * hits) / Math.max(1, words);
  const isInformal = rate(informal) >= INFORMAL_RATE && informal >= formal;
  const isFormal = rate(formal) >= FORMAL_RATE && formal > 2 * informal;
  return { register: isInformal ? "informal" : isFormal ? "formal" : "neutral", formal, informal, words };
}
