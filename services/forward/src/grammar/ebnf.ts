/** Grammars that clients write themselves: what the library gets wrong is refused before it sees it. */
import { TrimtabError } from "#kit/errors.ts";

const TOKENS = /"(?:[^"\\\n]|\\.)*"|#[^\n]*|\[(?:[^\]\\\n]|\\.)*\]/gs;
const BEYOND_ASCII = /[^\x00-\x7f]|\\u(?!00[0-7])|\\U(?!000000[0-7])|\\x[89a-fA-F]/;

/**
 * The grammar as it is.
 * @throws TrimtabError UNSUPPORTED for classes with characters beyond ASCII, which would match other texts
 */
export function checkEbnf(text: string, field: string): string {
  for (const [token] of text.matchAll(TOKENS)) {
    if (!token.startsWith("[") || !BEYOND_ASCII.test(token)) continue;
    const message = `${field}: the class ${token.slice(0, 40)} has characters beyond ASCII; write them as literals`;
    throw new TrimtabError("UNSUPPORTED", message, { field });
  }
  return text;
}
