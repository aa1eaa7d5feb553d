/** tokenizer.json and its neighbours: what becomes of them, held to the hub's own library. */
import { expect, test } from "bun:test";
import { Tokenizer } from "@huggingface/tokenizers";
import { createTokenizer } from "../../../services/tokenizer/src/tokenizer.ts";
import { readVocabulary } from "../../../services/tokenizer/src/vocabulary.ts";
import { bytes, plain, readFiles as read, split, tokenizer } from "./tokenizer-files.ts";

test("tokens, types, merges in both spellings, holes and tokens beyond the embedding", () => {
  const metadata = read({ "tokenizer.json": tokenizer() });
  const { tokens, types, merges: read0, addBos } = readVocabulary(metadata);
  expect(tokens).toHaveLength(64);
  expect(tokens.slice(5, 11)).toEqual(["ab", "cd", "abcd", "<s>", "<tool>", "[PAD10]"]);
  expect([...types.subarray(7, 11)]).toEqual([1, 3, 4, 5]);
  expect(read0).toEqual(["a b", "c d", "ab cd"]);
  expect(addBos).toBe(false);
});

const gpt4 = (digits: string) =>
  `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;
test.each([
  [bytes, false, "gpt-2"],
  [
    { type: "Sequence", pretokenizers: [{ type: "Digits", individual_digits: true }, bytes] },
    false,
    "smollm",
  ],
  [split(gpt4("\\p{N}")), false, "qwen2"],
  [split(gpt4("\\p{N}{1,3}")), true, "llama-bpe"],
])("a known way to cut text gets its name (%#)", (cut, ignore_merges, name) => {
  const model = { ...plain.model, ignore_merges };
  const metadata = read({ "tokenizer.json": tokenizer({ pre_tokenizer: cut, model }) });
  expect(metadata.get("tokenizer.ggml.pre")).toBe(name);
});

test("blanks as letters: ids are those of the hub's own library, with and without a first blank", () => {
  const letters = [
    "<unk>",
    "<s>",
    "</s>",
    ...Array.from({ length: 256 }, (_, i) => byteToken(i)),
    ..."▁abcdeé",
  ];
  const pairs = ["▁ a", "a b", "▁a b", "c d", "cd e", "▁ ▁", "▁a bcd", "b cd", "▁▁ ▁▁"];
  const made = [...new Set([...letters, ...pairs.map((pair) => pair.replace(" ", ""))])];
  const ids = Object.fromEntries(made.map((token, id) => [token, id]));
  const model = {
    type: "BPE",
    unk_token: "<unk>",
    byte_fallback: true,
    fuse_unk: true,
    vocab: ids,
    merges: pairs,
  };
  const replace = { type: "Replace", pattern: { String: " " }, content: "▁" };
  const prepend = { type: "Sequence", normalizers: [{ type: "Prepend", prepend: "▁" }, replace] };
  for (const normalizer of [prepend, replace]) {
    const json = {
      version: "1.0",
      added_tokens: [],
      normalizer,
      pre_tokenizer: null,
      post_processor: null,
      model,
    };
    const files = { "config.json": { vocab_size: made.length }, "tokenizer.json": json };
    const ours = createTokenizer(readVocabulary(read(files)));
    const library = new Tokenizer({ ...json, decoder: null } as never, {});
    for (const text of ["ab cde", "a  b", "bcd  abcde ", "é ü ab", "▁ab", "    a"]) {
      const found = ours.encode(text, { addSpecial: false, parseSpecial: false });
      expect({ text, found }).toEqual({
        text,
        found: library.encode(text, { add_special_tokens: false }).ids,
      });
    }
  }
});

test("special ids, ends and templates come from the files that say them", () => {
  const start = [{ SpecialToken: { id: "<s>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }];
  const post_processor = {
    type: "Sequence",
    processors: [bytes, { type: "TemplateProcessing", single: start }],
  };
  const settings = {
    ...{ bos_token: "<s>", eos_token: { content: "ab" } },
    chat_template: [
      { name: "tools", template: "t" },
      { name: "default", template: "d" },
    ],
  };
  const files = {
    "tokenizer.json": tokenizer({ post_processor }),
    "tokenizer_config.json": settings,
    "generation_config.json": { eos_token_id: [5, 6, 7] },
  };
  const { bosId, eosId, stopIds, addBos, chatTemplate } = readVocabulary(read(files));
  expect({ bosId, eosId, stopIds, addBos, chatTemplate }).toEqual({
    ...{ bosId: 8, eosId: 5, stopIds: [5, 6, 7], addBos: true, chatTemplate: "d" },
  });
  const own = readVocabulary(read({ ...files, "chat_template.jinja": "{{ 1 }}" }));
  expect(own.chatTemplate).toBe("{{ 1 }}");
  const stated = { ...settings, add_bos_token: false };
  expect(readVocabulary(read({ ...files, "tokenizer_config.json": stated })).addBos).toBe(false);
});

function byteToken(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;
}
