/**
 * Pre-tokenizers by their name in GGUF files: how text is cut into pieces before merging. Patterns are ours, chosen by
 * name; a pattern that comes with a file is never compiled. Each pattern cuts what the ones before it left.
 *
 * Source: the tokenizer.json files of the model families; llama.cpp's names.
 */

/** One way to cut text. */
export interface PreTokenizer {
  readonly patterns: readonly string[];
  /** A piece that is a token is taken as it is, whatever the merges say. */
  readonly ignoreMerges?: boolean;
  /** The default of `tokenizer.ggml.add_bos_token`. */
  readonly addBos?: boolean;
}

/** Contractions in any case: `(?i:…)` in words that every engine has. */
export const CONTRACTIONS = "'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]";
const WORDS_GPT2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/** The GPT-4 family differs in how many digits stay together. */
const wordsGpt4 = (digits: string): string =>
  `${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;

const GPT2: PreTokenizer = { patterns: [WORDS_GPT2] };
const SMOLLM: PreTokenizer = { patterns: ["\\p{N}", WORDS_GPT2] };
const QWEN2: PreTokenizer = { patterns: [wordsGpt4("\\p{N}")] };
const LLAMA3: PreTokenizer = { patterns: [wordsGpt4("\\p{N}{1,3}")], ignoreMerges: true, addBos: true };
const DEFAULT: PreTokenizer = {
  patterns: ["[\\p{P}\\$\\+<=>\\^~\\|]+", WORDS_GPT2, "\\p{N}+", "[0-9][0-9][0-9]"],
};

/** The known names; `default` is also meant by a file that names none. */
export const PRE_TOKENIZERS: ReadonlyMap<string, PreTokenizer> = new Map([
  ["default", DEFAULT],
  ["gpt-2", GPT2],
  ["phi-2", GPT2],
  ["mpt", GPT2],
  ["olmo", GPT2],
  ["smollm", SMOLLM],
  ["starcoder", SMOLLM],
  ["refact", SMOLLM],
  ["command-r", SMOLLM],
  ["codeshell", SMOLLM],
  ["exaone", SMOLLM],
  ["qwen2", QWEN2],
  ["deepseek-r1-qwen", QWEN2],
  ["stablelm2", QWEN2],
  ["megrez", QWEN2],
  ["llama3", LLAMA3],
  ["llama-v3", LLAMA3],
  ["llama-bpe", LLAMA3],
  ["falcon3", LLAMA3],
]);
