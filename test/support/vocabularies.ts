/**
 * GGUF files that hold a tokenizer only, made from the default model's vocabulary: the same tokens under another
 * pre-tokenizer, or as a SentencePiece-style vocabulary with scores. llama.cpp loads them too.
 */
import { mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { openGguf } from "#kit/gguf.ts";
import { type GgufInput, writeGguf } from "#kit/gguf-writer.ts";
import { defaultModelPath } from "#kit/paths.ts";

/** Metadata of a file, by key. */
export type Metadata = Readonly<Record<string, GgufInput | undefined>>;

const BYTE_LETTERS_FROM = 0x100;

/** The default model's tokenizer metadata with some keys replaced or (undefined) left out. */
export function bytePairMetadata(changes: Metadata = {}): Metadata {
  const file = openGguf(defaultModelPath());
  file.close();
  const own = [...file.header.metadata].filter(([key]) => key.startsWith("tokenizer."));
  return { ...MODEL, ...(Object.fromEntries(own) as Metadata), ...changes };
}

/** Its printable tokens in SentencePiece's spelling: scores in merge order, byte tokens, one user-defined token. */
export function sentencePieceMetadata(changes: Metadata = {}): Metadata {
  const letters = bytePairMetadata()["tokenizer.ggml.tokens"] as readonly string[];
  const words = letters
    .filter((token) => /^[Ġ\x21-\x7e]+$/.test(token) && !token.startsWith("<|"))
    .map((token) => token.replaceAll("Ġ", "▁"));
  const bytes = Array.from({ length: 256 }, (_, byte) => byteToken(byte));
  const specials = ["<unk>", "<s>", "</s>"];
  const rest = [...new Set([...words, "é", "ü", "▁é", "日", "本", "日本"])].filter(
    (token) => !specials.includes(token) && token !== "<tool>" && !bytes.includes(token),
  );
  const tokens = [...specials, ...bytes, "<tool>", ...rest];
  const types = tokens.map((_, id) => (id === 0 ? 2 : id < 3 ? 3 : id < 259 ? 6 : id === 259 ? 4 : 1));
  return {
    ...MODEL,
    "tokenizer.ggml.model": "llama",
    "tokenizer.ggml.tokens": tokens,
    "tokenizer.ggml.token_type": Int32Array.from(types),
    // Scores in pairs: equal ones must merge from the left.
    "tokenizer.ggml.scores": Float32Array.from(tokens, (_, id) =>
      id < 260 ? 0 : -Math.floor((id - 259) / 2),
    ),
    "tokenizer.ggml.bos_token_id": 1,
    "tokenizer.ggml.eos_token_id": 2,
    "tokenizer.ggml.unknown_token_id": 0,
    ...changes,
  };
}

/** Writes a file into the temporary directory and answers its path. */
export async function writeVocabulary(name: string, metadata: Metadata): Promise<string> {
  const entries = Object.entries(metadata).filter(([, value]) => value !== undefined);
  const path = join(tmpdir(), "trimtab-tests", `vocabulary-${name}-${process.pid}.gguf`);
  mkdirSync(dirname(path), { recursive: true });
  await Bun.write(path, writeGguf(Object.fromEntries(entries) as Record<string, GgufInput>, []));
  return path;
}

/** What llama.cpp asks of any file. */
const MODEL: Metadata = {
  "general.architecture": "llama",
  "llama.context_length": 2048,
  "llama.embedding_length": 64,
  "llama.block_count": 1,
  "llama.feed_forward_length": 128,
  "llama.attention.head_count": 2,
  "llama.attention.layer_norm_rms_epsilon": 1e-5,
};

function byteToken(byte: number): string {
  return `<0x${(BYTE_LETTERS_FROM + byte).toString(16).toUpperCase().slice(1)}>`;
}
