/** `tokenizer.json` of a model file, read by the tokenizers library, gives the ids our tokenizer gives. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { Tokenizer } from "@huggingface/tokenizers";
import { parseGguf } from "#kit/gguf.ts";
import { type GgufInput, writeGguf } from "#kit/gguf-writer.ts";
import { createTokenizer } from "../../../services/tokenizer/src/tokenizer.ts";
import { tokenizerFiles } from "../../../services/tokenizer/src/tokenizer-json.ts";
import { readVocabulary } from "../../../services/tokenizer/src/vocabulary.ts";
import { makeStrings } from "../../model/strings.ts";
import { bytePairMetadata, type Metadata, sentencePieceMetadata } from "../../support/vocabularies.ts";

setDefaultTimeout(120_000);
const SEED = 77;
const COUNT = 400;

const cases: [string, () => Metadata][] = [
  ["the default model", () => bytePairMetadata()],
  ["its tokens under qwen2's rules", () => bytePairMetadata({ "tokenizer.ggml.pre": "qwen2" })],
  [
    "its tokens under llama 3's rules, with a start",
    () => bytePairMetadata({ "tokenizer.ggml.pre": "llama-bpe", "tokenizer.ggml.add_bos_token": undefined }),
  ],
  ["sentence pieces", () => sentencePieceMetadata()],
  [
    "sentence pieces without a first blank",
    () => sentencePieceMetadata({ "tokenizer.ggml.add_space_prefix": false }),
  ],
];

test.each(cases)(`%s: ids of ${COUNT} strings are ours (seed ${SEED})`, (_, metadataOf) => {
  const entries = Object.entries(metadataOf()).filter(([, value]) => value !== undefined);
  const file = writeGguf(Object.fromEntries(entries) as Record<string, GgufInput>, []);
  const vocabulary = readVocabulary(parseGguf(file).metadata);
  const ours = createTokenizer(vocabulary);
  // As other programs get it: through JSON text.
  const files = JSON.parse(JSON.stringify(tokenizerFiles(vocabulary))) as ReturnType<typeof tokenizerFiles>;
  const theirs = new Tokenizer(files["tokenizer.json"], files["tokenizer_config.json"]);
  const texts = [...makeStrings(COUNT, SEED), "<|im_start|>user\nHello<|im_end|>\n"];
  const different = texts.filter((text) => {
    const expected = ours.encode(text, { addSpecial: true, parseSpecial: true });
    return !Bun.deepEquals(theirs.encode(text).ids, expected);
  });
  expect(different).toEqual([]);
});
