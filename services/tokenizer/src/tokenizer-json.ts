/**
 * The vocabulary of a model file as `tokenizer.json` and `tokenizer_config.json`, which other programs read. Byte-level
 * vocabularies say the same in both; those with scores get merges derived from them, whose order among equal scores may
 * differ. Source: the format of the tokenizers library. Cost: a second for 256k tokens with scores.
 */
import { SENTENCE_PIECE_BLANK, TOKEN_TYPE } from "#kit/token-bytes.ts";
import { CONTRACTIONS } from "./pre-tokenizers.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** Files of a model folder, by name; contents are JSON values. */
export type TokenizerFiles = Readonly<Record<"tokenizer.json" | "tokenizer_config.json", object>>;

/** The files of a vocabulary. */
export function tokenizerFiles(vocabulary: Vocabulary): TokenizerFiles {
  const { kind, tokens, bosId, eosId, unknownId, addBos, addEos, chatTemplate } = vocabulary;
  const spelling = (id: number | undefined) => (id === undefined ? null : (tokens[id] ?? null));
  return {
    "tokenizer.json": {
      version: "1.0",
      truncation: null,
      padding: null,
      added_tokens: addedTokens(vocabulary),
      ...(kind === "bpe" ? byteLevel(vocabulary) : sentencePiece(vocabulary)),
      post_processor: postProcessor(vocabulary),
    },
    "tokenizer_config.json": {
      tokenizer_class: "PreTrainedTokenizerFast",
      bos_token: spelling(bosId),
      eos_token: spelling(eosId),
      unk_token: spelling(unknownId),
      pad_token: spelling(eosId),
      add_bos_token: addBos,
      add_eos_token: addEos,
      clean_up_tokenization_spaces: false,
      ...(chatTemplate === undefined ? {} : { chat_template: chatTemplate }),
    },
  };
}

function addedTokens({ tokens, types }: Vocabulary) {
  const plain = { single_word: false, lstrip: false, rstrip: false, normalized: false };
  return tokens.flatMap((content, id) => {
    const special = types[id] === TOKEN_TYPE.control || types[id] === TOKEN_TYPE.unknown;
    return special || types[id] === TOKEN_TYPE.user ? [{ id, content, ...plain, special }] : [];
  });
}

/** Contractions are written as the families' own files have them, by which other programs know the way to cut. */
function cutsOf(patterns: readonly string[]) {
  const cuts = patterns.map((pattern) => {
    const Regex = pattern.replace(CONTRACTIONS, "(?i:'s|'t|'re|'ve|'m|'ll|'d)");
    return { type: "Split", pattern: { Regex }, behavior: "Isolated", invert: false };
  });
  const bytes = { type: "ByteLevel", add_prefix_space: false, trim_offsets: false, use_regex: false };
  return { type: "Sequence", pretokenizers: [...cuts, bytes] };
}

function byteLevel({ idOf, merges, preTokenizer }: Vocabulary) {
  return {
    normalizer: null,
    pre_tokenizer: cutsOf(preTokenizer.patterns),
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: "BPE",
      ...{ dropout: null, unk_token: null, continuing_subword_prefix: null, end_of_word_suffix: null },
      ...{ fuse_unk: false, byte_fallback: false, ignore_merges: preTokenizer.ignoreMerges ?? false },
      vocab: Object.fromEntries(idOf),
      merges: merges.map((merge) => splitMerge(merge)),
    },
  };
}

function splitMerge(merge: string): [string, string] {
  const space = merge.indexOf(" ", 1);
  return [merge.slice(0, space), merge.slice(space + 1)];
}

function sentencePiece(vocabulary: Vocabulary) {
  const { idOf, tokens, unknownId, addSpacePrefix } = vocabulary;
  const blank = SENTENCE_PIECE_BLANK;
  const replace = { type: "Replace", pattern: { String: " " }, content: blank };
  const prepend = { type: "Prepend", prepend: blank };
  return {
    normalizer: { type: "Sequence", normalizers: addSpacePrefix ? [prepend, replace] : [replace] },
    pre_tokenizer: null,
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: blank }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        ...(addSpacePrefix ? [{ type: "Strip", content: " ", start: 1, stop: 0 }] : []),
      ],
    },
    model: {
      type: "BPE",
      ...{ dropout: null, continuing_subword_prefix: null, end_of_word_suffix: null },
      ...{ unk_token: unknownId === undefined ? null : tokens[unknownId] },
      ...{ fuse_unk: true, byte_fallback: true, ignore_merges: false },
      vocab: Object.fromEntries(idOf),
      merges: mergesOfScores(vocabulary),
    },
  };
}

/** Every pair of tokens that makes a token, the best made token first. */
function mergesOfScores({ tokens, types, scores, idOf }: Vocabulary): [string, string][] {
  const found: { readonly pair: [string, string]; readonly score: number; readonly id: number }[] = [];
  tokens.forEach((token, id) => {
    if (types[id] !== TOKEN_TYPE.normal && types[id] !== TOKEN_TYPE.user) return;
    const symbols = [...token];
    for (let cut = 1, left = ""; cut < symbols.length; cut++) {
      left += symbols[cut - 1];
      const right = token.slice(left.length);
      if (idOf.has(left) && idOf.has(right)) {
        found.push({ pair: [left, right], score: scores[id] ?? 0, id });
      }
    }
  });
  return found.sort((a, b) => b.score - a.score || a.id - b.id).map(({ pair }) => pair);
}

function postProcessor({ tokens, bosId, eosId, addBos, addEos, kind }: Vocabulary) {
  const ends = [addBos ? bosId : undefined, addEos ? eosId : undefined];
  const [first, last] = ends.map((id) => (id === undefined ? [] : [{ id, content: tokens[id] ?? "" }]));
  const special = [...(first ?? []), ...(last ?? [])];
  if (special.length === 0) {
    return kind === "bpe" ? { type: "ByteLevel", add_prefix_space: true, trim_offsets: false } : null;
  }
  const pieces = (list = special) =>
    list.map(({ content }) => ({ SpecialToken: { id: content, type_id: 0 } }));
  const text = { Sequence: { id: "A", type_id: 0 } };
  const single = [...pieces(first), text, ...pieces(last)];
  return {
    type: "TemplateProcessing",
    single,
    pair: [...single, { Sequence: { id: "B", type_id: 1 } }],
    special_tokens: Object.fromEntries(
      special.map(({ id, content }) => [content, { id: content, ids: [id], tokens: [content] }]),
    ),
  };
}
