/** Vocabularies are untrusted: each defect is refused with the key at fault, before anything is tokenized with it. */
import { beforeAll, expect, test } from "bun:test";
import { parseGguf } from "#kit/gguf.ts";
import { type GgufInput, writeGguf } from "#kit/gguf-writer.ts";
import { createTokenizer } from "../../../services/tokenizer/src/tokenizer.ts";
import { readVocabulary } from "../../../services/tokenizer/src/vocabulary.ts";
import { bytePairMetadata, type Metadata, sentencePieceMetadata } from "../../support/vocabularies.ts";
import { refusedField } from "../../support/refusal.ts";

let bytePair: Metadata;
let pieces: Metadata;
beforeAll(() => {
  bytePair = bytePairMetadata();
  pieces = sentencePieceMetadata();
});

/** Through a real file, as the service reads it. */
function load(metadata: Metadata) {
  const entries = Object.entries(metadata).filter(([, value]) => value !== undefined);
  const file = writeGguf(Object.fromEntries(entries) as Record<string, GgufInput>, []);
  return createTokenizer(readVocabulary(parseGguf(file).metadata));
}

const KEY = "tokenizer.ggml";
const texts = (from: Metadata, key: string) => from[`${KEY}.${key}`] as readonly string[];
const numbers = <T>(from: Metadata, key: string) => from[`${KEY}.${key}`] as T;
const replaced = <T>(list: readonly T[], at: number, value: T): T[] => list.with(at, value);

test.each<[string, () => Metadata, string, string]>([
  ["no model", () => ({ model: undefined }), "TOKENIZER_INVALID", "model"],
  ["a model that is not known", () => ({ model: "bert" }), "UNSUPPORTED", "model"],
  ["a pre-tokenizer that is not known", () => ({ pre: "mystery" }), "UNSUPPORTED", "pre"],
  ["K10 a pattern for a pre-tokenizer", () => ({ pre: "(a+)+$" }), "UNSUPPORTED", "pre"],
  ["no tokens", () => ({ tokens: undefined }), "TOKENIZER_INVALID", "tokens"],
  ["tokens that are numbers", () => ({ tokens: Int32Array.of(1, 2) }), "TOKENIZER_INVALID", "tokens"],
  [
    "a token twice",
    () => ({ tokens: replaced(texts(bytePair, "tokens"), 99, "<|im_end|>") }),
    "TOKENIZER_INVALID",
    "tokens[99]",
  ],
  [
    "a very long token",
    () => ({ tokens: replaced(texts(bytePair, "tokens"), 99, "x".repeat(5_000)) }),
    "TOKENIZER_INVALID",
    "tokens[99]",
  ],
  ["no merges", () => ({ merges: undefined }), "TOKENIZER_INVALID", "merges"],
  [
    "a merge of one",
    () => ({ merges: replaced(texts(bytePair, "merges"), 7, "th") }),
    "TOKENIZER_INVALID",
    "merges[7]",
  ],
  [
    "a merge of three",
    () => ({ merges: replaced(texts(bytePair, "merges"), 7, "t h e") }),
    "TOKENIZER_INVALID",
    "merges[7]",
  ],
  [
    "a merge of unknown tokens",
    () => ({ merges: replaced(texts(bytePair, "merges"), 7, "zqzq t") }),
    "TOKENIZER_INVALID",
    "merges[7]",
  ],
  [
    "a merge with nothing, which would make itself",
    () => ({ merges: replaced(texts(bytePair, "merges"), 7, "th ") }),
    "TOKENIZER_INVALID",
    "merges[7]",
  ],
  ["merges that are numbers", () => ({ merges: Int32Array.of(1, 2) }), "TOKENIZER_INVALID", "merges"],
  ["too few types", () => ({ token_type: Int32Array.of(1, 1) }), "TOKENIZER_INVALID", "token_type"],
  [
    "a type that does not exist",
    () => ({ token_type: numbers<Int32Array>(bytePair, "token_type").with(5, 99) }),
    "TOKENIZER_INVALID",
    "token_type[5]",
  ],
  [
    "a byte token of another spelling",
    () => ({ token_type: numbers<Int32Array>(bytePair, "token_type").with(5, 6) }),
    "TOKENIZER_INVALID",
    "tokens[5]",
  ],
  ["an end behind the last token", () => ({ eos_token_id: 49_152 }), "TOKENIZER_INVALID", "eos_token_id"],
  ["a start that is no number", () => ({ bos_token_id: "one" }), "TOKENIZER_INVALID", "bos_token_id"],
  [
    "texts that start with no token",
    () => ({ add_bos_token: true, bos_token_id: undefined }),
    "TOKENIZER_INVALID",
    "bos_token_id",
  ],
])("K9 %s is refused with its key", (_, changes, reason, key) => {
  const named = Object.fromEntries(
    Object.entries(changes()).map(([name, value]) => [`${KEY}.${name}`, value]),
  );
  expect(refusedField(() => load({ ...bytePair, ...named }))).toEqual({ reason, field: `${KEY}.${key}` });
});

test.each<[string, () => Metadata, string]>([
  ["no scores", () => ({ scores: undefined }), "scores"],
  [
    "a score that is not a number",
    () => ({ scores: numbers<Float32Array>(pieces, "scores").with(300, Number.NaN) }),
    "scores[300]",
  ],
  [
    "an infinite score",
    () => ({ scores: numbers<Float32Array>(pieces, "scores").with(300, Number.POSITIVE_INFINITY) }),
    "scores[300]",
  ],
  ["too few scores", () => ({ scores: Float32Array.of(1, 2) }), "scores"],
  ["<0x100>", () => ({ tokens: replaced(texts(pieces, "tokens"), 4, "<0x100>") }), "tokens[4]"],
  ["<0x-1>", () => ({ tokens: replaced(texts(pieces, "tokens"), 4, "<0x-1>") }), "tokens[4]"],
  ["<0xZZ>", () => ({ tokens: replaced(texts(pieces, "tokens"), 4, "<0xZZ>") }), "tokens[4]"],
])("K9 a SentencePiece-style vocabulary with %s is refused with its key", (_, changes, key) => {
  const named = Object.fromEntries(
    Object.entries(changes()).map(([name, value]) => [`${KEY}.${name}`, value]),
  );
  expect(refusedField(() => load({ ...pieces, ...named }))).toEqual({
    reason: "TOKENIZER_INVALID",
    field: `${KEY}.${key}`,
  });
});

test("K4 an end token that the file forgets to mark cannot be typed by a user", () => {
  const types = numbers<Int32Array>(bytePair, "token_type").with(2, 1);
  const tokenizer = load({ ...bytePair, [`${KEY}.token_type`]: types });
  expect(tokenizer.encode("<|im_end|>", { addSpecial: false, parseSpecial: false })).not.toContain(2);
  expect(tokenizer.encode("<|im_end|>", { addSpecial: false, parseSpecial: true })).toEqual([2]);
});
