/** Names and values out of files, in messages: what is no printable ASCII becomes a question mark, and the length is capped. */

const MOST_CHARS = 80;

/** The text, safe to print. */
export function printable(text: string, mostChars = MOST_CHARS): string {
  return text.slice(0, mostChars).replace(/[^\x20-\x7e]/g, "?");
}
