/**
 * Moves in an answer: the words up, down, left and right, or the capitals U D L R, one move each. What counts is the last run of two moves
 * or more, else the last move alone. Between the moves of a run there is no word but those that moves are told with, so that what is
 * "right" or comes "up" in prose is no part of one. Cost: linear in the text.
 */

const WORD = /[\p{L}\p{N}'’]+/gu;
const LETTERS = /^[UDLR]+$/;
const NAME = /^(?:up|down|left|right)$/i;
/** Words that may stand between the moves of a run, as may numbers. */
const BETWEEN =
  /^(?:a|again|and|cells?|finally|first|go|last|moves?|next|now|once|one|second|spaces?|squares?|steps?|the|then|third|to|walk|[\p{N}]+)$/iu;

/** The moves as letters, in order; none if there are none. */
export function findMoves(text: string): readonly string[] {
  // Words and letters make runs of their own: "R (right)" is one move.
  let inWords: string[] = [];
  let inLetters: string[] = [];
  let last: readonly string[] = [];
  for (const [word] of text.matchAll(WORD)) {
    const moves = movesOf(word);
    if (moves.length > 0) {
      const run = LETTERS.test(word) ? inLetters : inWords;
      run.push(...moves);
      if (run.length > 1 || last.length < 2) last = run;
    } else if (!BETWEEN.test(word)) {
      inWords = [];
      inLetters = [];
    }
  }
  return last;
}

function movesOf(word: string): string[] {
  if (LETTERS.test(word)) return [...word.toLowerCase()];
  return NAME.test(word) ? [word.charAt(0).toLowerCase()] : [];
}
