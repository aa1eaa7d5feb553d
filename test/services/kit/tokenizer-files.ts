/** Directories with the tokenizer files of a tiny vocabulary. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readTokenizerMetadata } from "#kit/tokenizer-json.ts";

type Json = Record<string, unknown>;

/** Metadata of a directory with these files; `vocab_size` is 64 unless a config.json says otherwise. */
export function readFiles(files: Json) {
  const path = mkdtempSync(join(tmpdir(), "trimtab-tokenizer-json-"));
  try {
    for (const [file, value] of Object.entries({ "config.json": { vocab_size: 64 }, ...files })) {
      const isContent = typeof value === "string" || value instanceof Uint8Array;
      writeFileSync(join(path, file), isContent ? value : JSON.stringify(value));
    }
    return readTokenizerMetadata(path);
  } finally {
    rmSync(path, { recursive: true });
  }
}

/** The way GPT-2 cuts text. */
export const bytes = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true };
const vocab = Object.fromEntries([..."abcdĠ"].map((letter, id) => [letter, id]));
/** Eight tokens and three added ones, the last beyond the embedding. */
export const plain = {
  added_tokens: [
    { id: 8, content: "<s>", special: true },
    { id: 9, content: "<tool>", special: false },
    { id: 64, content: "<picture>", special: true },
  ],
  pre_tokenizer: bytes,
  model: {
    type: "BPE",
    vocab: { ...vocab, ab: 5, cd: 6, abcd: 7 },
    merges: ["a b", ["c", "d"], "ab cd"],
  },
};

/** tokenizer.json with some keys replaced. */
export const tokenizer = (change: Json = {}): Json => ({ ...plain, ...change });

/** Cuts by a pattern, then bytes. */
export const split = (regex: string) => ({
  type: "Sequence",
  pretokenizers: [
    { type: "Split", pattern: { Regex: regex }, behavior: "Isolated", invert: false },
    { ...bytes, use_regex: false },
  ],
});
