/**
 * Text to ids through @huggingface/tokenizers, fed from GGUF metadata. Two tokenizers share one vocabulary: one reads
 * spellings of special tokens as such, the other one reads everything as plain text.
 */
import { Tokenizer } from "@huggingface/tokenizers";
import { TrimtabError } from "#kit/errors.ts";
import { TOKEN_TYPE, type TokenizerFile } from "./model-file.ts";

/** Turns text into ids. */
export interface Encoder {
  /** Ids of `text`; with `parseSpecial`, spellings such as <|im_end|> become their special token. */
  encode(text: string, parseSpecial: boolean): number[];
}

const GPT2_WORDS = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
const CL100K_WORDS = (digits: string): string =>
  `(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;

/** Patterns of known pre-tokenizers, applied one after the other. A file can only name one: it never brings its own. */
const PRE_TOKENIZERS: Readonly<Record<string, readonly string[]>> = {
  smollm: ["\\p{N}", GPT2_WORDS],
  starcoder: ["\\p{N}", GPT2_WORDS],
  qwen2: [CL100K_WORDS("\\p{N}")],
  "llama-bpe": [CL100K_WORDS("\\p{N}{1,3}")],
  "gpt-2": [GPT2_WORDS],
};

/**
 * An encoder for the tokenizer of a model file.
 * @throws TrimtabError TOKENIZER_INVALID for a kind or a pre-tokenizer that is not known.
 */
export function createEncoder(file: TokenizerFile): Encoder {
  if (file.model !== "gpt2")
    throw new TrimtabError("TOKENIZER_INVALID", `tokenizers of kind "${file.model}" are not supported`, {
      field: "tokenizer.ggml.model",
    });
  const patterns = PRE_TOKENIZERS[file.pre];
  if (!patterns)
    throw new TrimtabError("TOKENIZER_INVALID", `the pre-tokenizer "${file.pre}" is not known`, {
      field: "tokenizer.ggml.pre",
    });
  const plain = new Tokenizer(tokenizerJson(file, patterns, false), {});
  const special = new Tokenizer(tokenizerJson(file, patterns, true), {});
  return {
    encode(text, parseSpecial) {
      if (text === "") return [];
      return (parseSpecial ? special : plain).encode(text, { add_special_tokens: false }).ids;
    },
  };
}

function tokenizerJson(file: TokenizerFile, patterns: readonly string[], withSpecial: boolean): object {
  const added = file.tokens.flatMap((content, id) => {
    const type = file.types[id];
    const isSpecial = type === TOKEN_TYPE.control;
    if (!(type === TOKEN_TYPE.userDefined || (withSpecial && isSpecial))) return [];
    return [
      {
        id,
        content,
        special: isSpecial,
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
      },
    ];
  });
  return {
    version: "1.0",
    added_tokens: added,
    normalizer: null,
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        ...patterns.map((Regex) => ({
          type: "Split",
          pattern: { Regex },
          behavior: "Isolated",
          invert: false,
        })),
        { type: "ByteLevel", add_prefix_space: false, trim_offsets: false, use_regex: false },
      ],
    },
    post_processor: null,
    decoder: { type: "ByteLevel" },
    model: {
      type: "BPE",
      vocab: Object.fromEntries(file.tokens.map((token, id) => [token, id])),
      merges: file.merges,
      unk_token: null,
      byte_fallback: false,
      ignore_merges: file.pre === "llama-bpe",
    },
  };
}
