/**
 * Spreads a text over the tokens behind it. A token that holds part of a character is spelled "\uFFFD" alone; the character
 * stands at the last token it was made of, those before it are empty, so that what is drawn is the text.
 */

const PART = "\uFFFD";

/** A part of `text` for each spelling; together they are `text` if the spellings are those of its tokens. */
export function spread(text: string, spellings: readonly string[]): string[] {
  const parts: string[] = [];
  let rest = text;
  for (const spelling of spellings) {
    // What stands before a whole token belongs to the parts of a character before it.
    const at = spelling === "" || spelling.includes(PART) ? -1 : rest.indexOf(spelling);
    if (at > 0 && parts.length > 0) parts.push((parts.pop() ?? "") + rest.slice(0, at));
    parts.push(at < 0 ? "" : spelling);
    if (at >= 0) rest = rest.slice(at + spelling.length);
  }
  if (rest !== "" && parts.length > 0) parts.push((parts.pop() ?? "") + rest);
  return parts;
}
