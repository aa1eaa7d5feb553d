/** Names and values out of files and requests, in messages: printable, and no longer than a reader needs. */

const MOST_CHARS = 80;

/** The text without what is no printable ASCII. */
export function printable(text: string, mostChars = MOST_CHARS): string {
  return text.slice(0, mostChars).replace(/[^\x20-\x7e]/g, "?");
}

/** A name that a caller gave, in quotes and escaped. */
export function quoted(name: string): string {
  return JSON.stringify(name.slice(0, MOST_CHARS));
}
