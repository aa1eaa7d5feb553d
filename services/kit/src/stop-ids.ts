/**
 * Which tokens end a generation: one rule for the tokenizer, which keeps users from typing them, and for forward, which
 * stops at them. Source: the end-of-generation set llama.cpp builds from the same keys. Cost: one pass over the tokens.
 */
import { type GgufMetadata, ggufNumber, ggufTexts } from "./gguf-values.ts";

const KEY = "tokenizer.ggml";
/** Ends of a text, a turn or a message in files that name no id for them, and what parts files in code models. */
const END_SPELLINGS: ReadonlySet<string> = new Set([
  ...["</s>", "<|endoftext|>", "<|end_of_text|>", "<end_of_utterance>", "<EOT>", "_<EOT>", "<|EOT|>"],
  ...["<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|end|>", "<end_of_turn>", "<|end_of_turn|>"],
  ...["<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "<|file_sep|>"],
  ...["<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>"],
]);

/**
 * Ids that end a generation, ascending: those the file names (`eos`, `eot`, `eom`) and every token with the spelling
 * of an end, whatever its type: Gemma's files call theirs user-defined.
 * @param vocabularySize ids at or above it are refused
 * @throws TrimtabError ARTIFACT_INVALID naming the key
 */
export function readStopIds(metadata: GgufMetadata, vocabularySize: number): number[] {
  const ids = new Set<number>();
  for (const name of ["eos_token_id", "eot_token_id", "eom_token_id"]) {
    const range = { min: 0, max: vocabularySize - 1, integer: true };
    const id = ggufNumber(metadata, `${KEY}.${name}`, range);
    if (id !== undefined) ids.add(id);
  }
  const tokens = ggufTexts(metadata, `${KEY}.tokens`) ?? [];
  for (const [id, token] of tokens.entries()) if (END_SPELLINGS.has(token)) ids.add(id);
  return [...ids].sort((a, b) => a - b);
}
