/**
 * Text in pieces: a canonical spelling for matching, words, sentences, list lines. Linear in the text.
 */

/** A line or sentence of an answer; `item` says that it is an entry of a list. */
export interface Sentence {
  readonly text: string;
  readonly item: boolean;
}

/** Lower case, straight quotes, no emphasis marks or special-token spellings, single spaces; line breaks stay. */
export function canonical(text: string): string {
  return text
    .normalize("NFKC")
    .replace(/<\|[a-z_]{1,20}\|>/g, " ")
    .replace(/[‘’ʼ`´]/g, "'")
    .replace(/[“”„«»]/g, '"')
    .replace(/[*_]{1,3}(?=\S)|(?<=\S)[*_]{1,3}/g, "")
    .replace(/[^\S\n]+/g, " ")
    .replace(/ ?\n ?/g, "\n")
    .toLowerCase()
    .trim();
}

/** Words: runs of letters, digits and inner apostrophes, of any script. */
export function wordsOf(text: string): string[] {
  return text.match(/[\p{L}\p{N}][\p{L}\p{N}\p{M}']*/gu) ?? [];
}

/**
 * A text without the characters of a class at its end. An expression that ends in `+$` would begin anew at every character of every run
 * of them: quadratic in runs that something follows.
 */
export function trimEndOf(text: string, one: RegExp): string {
  let end = text.length;
  while (end > 0 && one.test(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}

const LIST_MARK = /^(?:\d{1,3}[.):]|[-•+>]|\*(?= )|step \d{1,2}\b[:.]?|[a-z]\))\s*/;

/** Sentences of a canonical text, list lines marked. */
export function sentencesOf(text: string): Sentence[] {
  return text.split("\n").flatMap((line) => {
    const trimmed = line.trim();
    if (trimmed === "") return [];
    const mark = LIST_MARK.exec(trimmed);
    const body = mark ? trimmed.slice(mark[0].length) : trimmed;
    return body
      .split(/(?<=[.!?]["')]?) +/)
      .filter((text) => text !== "")
      .map((text) => ({ text, item: mark !== null }));
  });
}
