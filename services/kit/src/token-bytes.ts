/**
 * Token spellings of GGUF files → the bytes they stand for: one rule for the tokenizer, which decodes with it, and for
 * forward, which matches grammars with it. Source: llama.cpp's token_to_piece. Cost: one pass over a spelling.
 */

/** What a token is; the values are those of the files. */
export const TOKEN_TYPE = { normal: 1, unknown: 2, control: 3, user: 4, unused: 5, byte: 6 } as const;

/** Blank of SentencePiece-style spellings. */
export const SENTENCE_PIECE_BLANK = "▁";

const utf8 = new TextEncoder();
const NOTHING = new Uint8Array(0);

/** Byte of each letter of GPT-2's alphabet: printable Latin-1 bytes stand for themselves, the rest follow from U+0100. */
const BYTE_OF_LETTER: ReadonlyMap<number, number> = new Map(
  Array.from({ length: 256 }, (_, byte) => byte)
    .sort((a, b) => Number(isPrintable(b)) - Number(isPrintable(a)) || a - b)
    .map((byte, i, sorted) => [
      isPrintable(byte) ? byte : 0x100 + i - sorted.filter(isPrintable).length,
      byte,
    ]),
);

function isPrintable(byte: number): boolean {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}

/**
 * Bytes of a token; none for unused ones, the spelling for control tokens.
 * @param kind `bpe`: byte-level spellings. `spm`: SentencePiece-style ones
 * @param type one of {@link TOKEN_TYPE}; a byte token must be spelled `<0xNN>`
 */
export function tokenBytes(kind: "bpe" | "spm", token: string, type: number): Uint8Array {
  if (type === TOKEN_TYPE.unused) return NOTHING;
  if (kind === "spm") return sentencePieceBytes(token, type);
  return type === TOKEN_TYPE.normal ? byteLevelBytes(token) : utf8.encode(token);
}

/** The byte of `<0xNN>`. */
export function byteOfToken(token: string): number {
  return Number.parseInt(token.slice(3, 5), 16);
}

function sentencePieceBytes(token: string, type: number): Uint8Array {
  if (type === TOKEN_TYPE.byte) return Uint8Array.of(byteOfToken(token));
  return utf8.encode(type === TOKEN_TYPE.normal ? token.replaceAll(SENTENCE_PIECE_BLANK, " ") : token);
}

/** A token with letters outside the alphabet is taken as UTF-8. */
function byteLevelBytes(token: string): Uint8Array {
  const bytes = new Uint8Array(token.length);
  for (let i = 0; i < token.length; i++) {
    const byte = BYTE_OF_LETTER.get(token.charCodeAt(i));
    if (byte === undefined) return utf8.encode(token);
    bytes[i] = byte;
  }
  return bytes;
}
