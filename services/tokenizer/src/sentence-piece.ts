/**
 * SentencePiece-style tokenization of Llama-2 and Gemma files: blanks become "▁", code points are merged by the score of
 * the result, what is in no token is spelled in byte tokens.
 *
 * Own merging because such files carry scores, not merges: deriving merges for a library takes 256k-token vocabularies
 * a second and 100 MB, and loses the order of equal scores. Control tokens are never the result of a merge.
 * Cost: under 1 µs a byte.
 */
import { TrimtabError } from "#kit/errors.ts";
import { byteOfToken, SENTENCE_PIECE_BLANK, TOKEN_TYPE } from "#kit/token-bytes.ts";
import { mergeSymbols } from "./merge.ts";
import type { Vocabulary } from "./vocabulary.ts";

/**
 * Makes the function that turns text without special tokens into ids.
 * @throws TrimtabError TOKENIZER_INVALID if a byte can be spelled neither by its token nor as unknown.
 */
export function createSentencePieceEncoder(vocabulary: Vocabulary): (text: string, ids: number[]) => void {
  const { tokens, types, scores, unknownId } = vocabulary;
  const pieces = new Map<string, number>();
  const byteIds = new Int32Array(256).fill(unknownId ?? -1);
  let longest = 0;
  tokens.forEach((token, id) => {
    const type = types[id];
    if (type === TOKEN_TYPE.byte) byteIds[byteOfToken(token)] = id;
    if (type !== TOKEN_TYPE.normal && type !== TOKEN_TYPE.user) return;
    pieces.set(token, id);
    longest = Math.max(longest, token.length);
  });
  const missing = byteIds.indexOf(-1);
  if (missing >= 0) {
    throw new TrimtabError(
      "TOKENIZER_INVALID",
      `there is no token for byte ${missing} and none for unknown text`,
      {
        field: "tokenizer.ggml.tokens",
      },
    );
  }
  const utf8 = new TextEncoder();
  return (text, ids) => {
    const blanked = text.replaceAll(" ", SENTENCE_PIECE_BLANK);
    const starts = mergeSymbols(blanked, (start, _, end) => {
      const id = end - start > longest ? undefined : pieces.get(blanked.slice(start, end));
      return id === undefined ? undefined : -(scores[id] as number);
    });
    starts.forEach((start, i) => {
      const symbol = blanked.slice(start, starts[i + 1]);
      const id = pieces.get(symbol);
      if (id !== undefined) ids.push(id);
      else for (const byte of utf8.encode(symbol)) ids.push(byteIds[byte] as number);
    });
  };
}
