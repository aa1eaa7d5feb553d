/** The rest of the values of rows K2: every assigned code point, every token and every byte, there and back. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { openGguf, parseGguf } from "#kit/gguf.ts";
import { type GgufInput, writeGguf } from "#kit/gguf-writer.ts";
import { defaultModelPath } from "#kit/paths.ts";
import { createTokenizer } from "../../../services/tokenizer/src/tokenizer.ts";
import { readVocabulary } from "../../../services/tokenizer/src/vocabulary.ts";
import { sentencePieceMetadata } from "../../support/vocabularies.ts";

setDefaultTimeout(120_000);
const LAST_BYTE = 0xff;
/** Of the planes behind it few vocabularies have tokens; nothing is assigned there but tags and private use. */
const LAST_POINT = 0x3ffff;
const PLAIN = { addSpecial: false, parseSpecial: false };

const file = openGguf(defaultModelPath());
file.close();
const tokenizer = createTokenizer(readVocabulary(file.header.metadata));
const ids = tokenizer.vocabulary.tokens.map((_, id) => id).filter((id) => !tokenizer.isSpecial(id));

const back = (text: string, through = tokenizer): string =>
  through.decode(through.encode(text, PLAIN), { skipSpecial: false });
const changed = (texts: Iterable<string>): string[] => [...texts].filter((text) => back(text) !== text);

/** Code points that have a meaning and whose bytes have tokens, a thousand a text. */
function* assigned(known: ReadonlySet<number>): Generator<string> {
  let text = "";
  let count = 0;
  for (let point = 0; point <= LAST_POINT; point++) {
    const letter = String.fromCodePoint(point);
    if (/\p{Cn}|\p{Cs}/u.test(letter) || !Buffer.from(letter).every((byte) => known.has(byte))) continue;
    text += letter;
    if (++count % 1_000 !== 0) continue;
    yield text;
    text = "";
  }
  yield text;
}

test("K2 every assigned code point comes back; a byte that has no token is left out, and nothing else", () => {
  const single = ids.map((id) => tokenizer.bytes(id)).filter(({ length }) => length === 1);
  const known = new Set(single.map((bytes) => bytes[0] as number));
  const texts = [...assigned(known)];
  expect([...texts.join("")].length).toBeGreaterThan(150_000);
  expect(changed(texts)).toEqual([]);
  const unknown = Array.from({ length: 0x20 }, (_, byte) => byte).filter((byte) => !known.has(byte));
  expect(back(`a${String.fromCharCode(...unknown)}b`)).toBe("ab");
});

test("K2 the text of every token comes back", () => {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const texts = ids.flatMap((id) => {
    try {
      return [decoder.decode(tokenizer.bytes(id))];
    } catch {
      // Part of a character is no text.
      return [];
    }
  });
  expect(texts.length).toBeGreaterThan(48_000);
  expect(changed(texts)).toEqual([]);
});

test("K2 every byte has a token in a vocabulary with byte fallback, and characters without one come back", () => {
  const entries = Object.entries(sentencePieceMetadata({ "tokenizer.ggml.add_space_prefix": false }));
  const bytes = writeGguf(Object.fromEntries(entries) as Record<string, GgufInput>, []);
  const pieces = createTokenizer(readVocabulary(parseGguf(bytes).metadata));
  const first = pieces.vocabulary.tokens.indexOf("<0x00>");
  for (let byte = 0; byte <= LAST_BYTE; byte++) expect([...pieces.bytes(first + byte)]).toEqual([byte]);
  for (const text of ["ж", "\u0000", "\u007f", "ሴ", "𝄞", "\u{10ffff}", "a\u0301ж😀"]) {
    expect(back(text, pieces)).toBe(text);
  }
});
