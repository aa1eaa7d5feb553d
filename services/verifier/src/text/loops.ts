/**
 * Signs that a model has stopped making sense: a run of words repeated over and over, most of the text said before,
 * hardly any words at all. Cost: MAX_PERIOD passes over the words.
 */
import { sentencesOf, wordsOf } from "./words.ts";

const MAX_PERIOD_WORDS = 48;
/** Repetitions in a row that count as a loop, by the number of words repeated; the last entry is for all longer ones. */
const LOOP_TURNS = [Number.POSITIVE_INFINITY, 4, 4, 3.5, 3];
/** "the the the" is broken where "no no no" may be speech. */
const BROKEN_WHEN_TRIPLED = new Set([
  "not",
  "to",
  "the",
  "a",
  "an",
  "of",
  "and",
  "is",
  "i",
  "that",
  "in",
  "be",
]);
/** A run of one number: columns of equal figures occur in sound answers. */
const NUMBER_TURNS = 10;
const GRAM_WORDS = 4;
const MIN_WORDS_FOR_SHARE = 24;
/** Said twice is no loop: a text said twice repeats less than half of itself, and nothing three times. */
const MAX_REPEATED_SHARE = 0.4;
const MIN_GRAM_COUNT = 3;
const MIN_WORDS_FOR_NEGATIONS = 10;
const MAX_NEGATION_SHARE = 0.3;
const NEGATION = /^(?:not|no|nor|never|cannot|can't|don't|n't)$/;
const MAX_CHAR_RUN = 24;
const RULER = /[-=_*.#~─│|+\s0]/;
const MIN_TEXT_FOR_LETTERS = 20;
const MIN_LETTER_SHARE = 0.3;

/** A few characters repeated without a blank: the turns that count, and from which length and share of the text on. */
const CYCLE = /(\S{1,12}?)\1{4,}/gu;
const MIN_CYCLE_CHARS = 20;
const MAX_CYCLE_SHARE = 0.2;
/** Rulers of tables and headings are no noise. */
const RULERS = /(?<!\S)[-=~─│|+:]+(?!\S)/gu;
/** What stands between blanks and is a word or a number, with its punctuation. */
const WORDLIKE = /^[^\p{L}\p{N}]{0,3}(?:\p{L}[\p{L}\p{M}'’\-/]*|[\p{N}.,%]+)[^\p{L}\p{N}]{0,4}$/u;
const MIN_PIECES = 8;
const MIN_SOLID_CHARS = 80;
const MIN_WORDLIKE_SHARE = 0.5;

/** Share of word n-grams that occurred before, 0 to 1; 0 for texts shorter than n words. */
export function repeatedShare(words: readonly string[], n: number): number {
  return countGrams(words, n).share;
}

function countGrams(words: readonly string[], n: number): { readonly share: number; readonly most: number } {
  const grams = words.length - n + 1;
  if (grams < 1) return { share: 0, most: 0 };
  const seen = new Map<string, number>();
  let most = 0;
  for (let at = 0; at < grams; at++) {
    const gram = words.slice(at, at + n).join(" ");
    const count = (seen.get(gram) ?? 0) + 1;
    seen.set(gram, count);
    most = Math.max(most, count);
  }
  return { share: 1 - seen.size / grams, most };
}

/** The words that are repeated in a row often enough to be a loop, or undefined. */
export function findLoop(words: readonly string[]): string | undefined {
  for (let period = 1; period <= Math.min(MAX_PERIOD_WORDS, words.length / 3); period++) {
    let run = 0;
    for (let at = period; at < words.length; at++) {
      run = words[at] === words[at - period] ? run + 1 : 0;
      if (period === 1 && run === NUMBER_TURNS - 1) return words[at];
      // Looked at once a run, when it becomes long enough: a longer run holds the same words.
      if (run === 0 || run !== Math.ceil((turnsOf(period, words[at]) - 1) * period)) continue;
      const cycle = words.slice(at - period + 1, at + 1);
      if (cycle.some((word) => /\p{L}/u.test(word))) return cycle.join(" ");
    }
  }
  return undefined;
}

function turnsOf(period: number, word: string | undefined): number {
  if (period === 1 && BROKEN_WHEN_TRIPLED.has(word ?? "")) return 3;
  return LOOP_TURNS[period] ?? 3;
}

/** Why a canonical text makes no sense, or undefined if nothing speaks against it. */
export function findIncoherence(text: string): string | undefined {
  const words = wordsOf(text);
  if (words.length === 0) return "the answer has no words";
  // The same entry under number after number is a loop too.
  const unnumbered = wordsOf(
    sentencesOf(text)
      .map((sentence) => sentence.text)
      .join(" "),
  );
  const loop = findLoop(words) ?? findLoop(unnumbered);
  if (loop !== undefined) return `the answer loops: "${loop.slice(0, 80)}"`;
  const { share, most } = countGrams(unnumbered, GRAM_WORDS);
  if (unnumbered.length >= MIN_WORDS_FOR_SHARE && share > MAX_REPEATED_SHARE && most >= MIN_GRAM_COUNT) {
    return "much of the answer repeats itself";
  }
  const negations = words.filter((word) => NEGATION.test(word)).length;
  if (words.length >= MIN_WORDS_FOR_NEGATIONS && negations / words.length > MAX_NEGATION_SHARE) {
    return "the answer consists of negations";
  }
  const run = longestRun(text);
  if (run !== undefined) return `the answer repeats the character "${run}"`;
  const solid = text.replace(/\s/g, "");
  const letters = solid.match(/[\p{L}\p{N}\p{M}]/gu)?.length ?? 0;
  if (solid.length >= MIN_TEXT_FOR_LETTERS && letters / solid.length < MIN_LETTER_SHARE) {
    return "the answer is hardly text";
  }
  return undefined;
}

/**
 * Why a text as it was written is no text, or undefined: most of it is a few characters over and over, or what stands between
 * blanks is hardly ever a word. Markup is what such text is made of, so this must see it. Linear: groups are bounded.
 */
export function findNoise(text: string): string | undefined {
  const unruled = text.replace(RULERS, "");
  const solid = unruled.replace(/\s+/gu, "");
  let cycled = 0;
  for (const [cycle] of solid.matchAll(CYCLE)) if (cycle.length >= MIN_CYCLE_CHARS) cycled += cycle.length;
  if (cycled > MAX_CYCLE_SHARE * solid.length) return "the answer repeats a few characters";
  const pieces = unruled.split(/\s+/u).filter((piece) => piece !== "");
  const words = pieces.filter((piece) => WORDLIKE.test(piece)).length;
  const isLong = pieces.length >= MIN_PIECES || solid.length >= MIN_SOLID_CHARS;
  if (isLong && words < MIN_WORDLIKE_SHARE * pieces.length) return "the answer is hardly words";
  return undefined;
}

/** A character repeated more often than any writing does, rulers of tables aside. */
function longestRun(text: string): string | undefined {
  let run = 1;
  for (let at = 1; at < text.length; at++) {
    run = text[at] === text[at - 1] ? run + 1 : 1;
    if (run > MAX_CHAR_RUN && !RULER.test(text[at] ?? "")) return text[at];
  }
  return undefined;
}
