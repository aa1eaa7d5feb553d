/** Files of a tokenizer that contradict themselves or say what our vocabularies cannot. */
import { expect, test } from "bun:test";
import type { TrimtabError } from "#kit/errors.ts";
import { plain, readFiles, split, tokenizer } from "./tokenizer-files.ts";

test.each([
  ["another model", { model: { type: "Unigram" } }, "UNSUPPORTED", "model.type"],
  ["another cut", { pre_tokenizer: split("\\w+") }, "UNSUPPORTED", "pre_tokenizer"],
  ["a normalizer", { normalizer: { type: "Lowercase" } }, "UNSUPPORTED", "normalizer"],
  [
    "merges left out",
    { model: { ...plain.model, ignore_merges: true } },
    "UNSUPPORTED",
    "model.ignore_merges",
  ],
  ["no vocabulary", { model: { type: "BPE" } }, "ARTIFACT_INVALID", "model.vocab"],
  [
    "an id twice",
    { model: { ...plain.model, vocab: { ...plain.model.vocab, x: 0 } } },
    "ARTIFACT_INVALID",
    "model.vocab",
  ],
  ["an id of 1.5", { model: { ...plain.model, vocab: { a: 1.5 } } }, "ARTIFACT_INVALID", "model.vocab"],
  [
    "a merge of three",
    { model: { ...plain.model, merges: [["a", "b", "c"]] } },
    "ARTIFACT_INVALID",
    "model.merges[0]",
  ],
  ["a nameless token", { added_tokens: [{ id: 3 }] }, "ARTIFACT_INVALID", "added_tokens[0]"],
  ["no merges", { model: { type: "BPE", vocab: plain.model.vocab } }, "ARTIFACT_INVALID", "model.merges"],
  [
    "a merge with nothing, which would make itself",
    { model: { ...plain.model, merges: [["a", ""]] } },
    "ARTIFACT_INVALID",
    "model.merges[0]",
  ],
  [
    "a merge of numbers",
    { model: { ...plain.model, merges: [[1, 2]] } },
    "ARTIFACT_INVALID",
    "model.merges[0]",
  ],
  [
    "a merge without a blank",
    { model: { ...plain.model, merges: ["ab"] } },
    "ARTIFACT_INVALID",
    "model.merges[0]",
  ],
  ["an id of -1", { model: { ...plain.model, vocab: { a: -1 } } }, "ARTIFACT_INVALID", "model.vocab"],
  [
    "an id that is a text",
    { model: { ...plain.model, vocab: { a: "1" } } },
    "ARTIFACT_INVALID",
    "model.vocab",
  ],
  ["K10 a pattern that never ends", { pre_tokenizer: split("(a+)+$") }, "UNSUPPORTED", "pre_tokenizer"],
])("K9 %s is refused by key", (_, change, reason, key) => {
  try {
    readFiles({ "tokenizer.json": tokenizer(change) });
  } catch (error) {
    const { reason: found, field } = error as TrimtabError;
    return expect({ found, field }).toEqual({ found: reason as never, field: `tokenizer.json: ${key}` });
  }
  throw new Error("expected a refusal");
});

test("K9 a key twice in tokenizer.json is refused, whichever would win", () => {
  const text = JSON.stringify(tokenizer()).replace('"vocab":{', '"vocab":{"a":1,');
  expect(() => readFiles({ "tokenizer.json": text })).toThrow("tokenizer.json");
});

test.each([10 ** 8, 0, -1, 1.5, "64"])(
  "K9 a vocabulary of %p tokens is refused before room is made for it",
  (size) => {
    const read = () => readFiles({ "tokenizer.json": tokenizer(), "config.json": { vocab_size: size } });
    expect(read).toThrow("config.vocab_size");
  },
);
