/**
 * What a GGUF file says about its tokenizer, validated.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { TrimtabError } from "#kit/errors.ts";
import { openGguf, type GgufHeader } from "#kit/gguf.ts";

/** Token types of GGUF. */
export const TOKEN_TYPE = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

/** Tokenizer data of a model file. */
export interface TokenizerFile {
  /** SHA-256 of the file, hex. */
  readonly modelDigest: string;
  /** "gpt2" (byte-level BPE) or "llama" (SentencePiece-style). */
  readonly model: string;
  /** Name of the pre-tokenizer. */
  readonly pre: string;
  readonly tokens: readonly string[];
  /** One of TOKEN_TYPE a token. */
  readonly types: readonly number[];
  readonly scores: readonly number[];
  readonly merges: readonly string[];
  readonly beginId: number | null;
  readonly endId: number | null;
  /** Ids that end a generation. */
  readonly stopIds: readonly number[];
  readonly addBegin: boolean;
  readonly chatTemplate: string | null;
}

/** Spellings that end an assistant's turn in common templates. */
const END_OF_TURN = ["<|im_end|>", "<|eot_id|>", "<|end|>", "<end_of_turn>", "<|endoftext|>", "</s>"];

/**
 * Reads the tokenizer of a model file.
 * @throws TrimtabError TOKENIZER_INVALID naming the key at fault; errors of openGguf.
 */
export async function readTokenizerFile(path: string): Promise<TokenizerFile> {
  const file = openGguf(path);
  file.close();
  return { ...parseTokenizer(file.header), modelDigest: await sha256(path) };
}

/** Tokenizer data of a parsed header. @throws TrimtabError TOKENIZER_INVALID. */
export function parseTokenizer(header: GgufHeader): Omit<TokenizerFile, "modelDigest"> {
  const key = (name: string): unknown => header.metadata.get(`tokenizer.ggml.${name}`);
  const tokens = strings(key("tokens"), "tokens");
  if (tokens.length === 0) invalid("tokens", "is empty");
  const types = numbers(key("token_type"), "token_type", tokens.length, TOKEN_TYPE.normal);
  const id = (name: string): number | null => {
    const value = key(name);
    if (value === undefined) return null;
    const number = Number(value);
    if (!Number.isInteger(number) || number < 0 || number >= tokens.length)
      invalid(name, "is not a token id");
    return number;
  };
  const endId = id("eos_token_id");
  const stops = new Set([endId, id("eot_token_id"), id("eom_token_id")]);
  for (const [index, token] of tokens.entries()) {
    if (types[index] === TOKEN_TYPE.control && END_OF_TURN.includes(token)) stops.add(index);
  }
  const template = header.metadata.get("tokenizer.chat_template");
  return {
    model: String(key("model") ?? ""),
    pre: String(key("pre") ?? "default"),
    tokens,
    types,
    scores: numbers(key("scores"), "scores", tokens.length, 0),
    merges: key("merges") === undefined ? [] : strings(key("merges"), "merges"),
    beginId: id("bos_token_id"),
    endId,
    stopIds: [...stops].filter((stop) => stop !== null).toSorted((a, b) => a - b),
    addBegin: key("add_bos_token") === true,
    chatTemplate: typeof template === "string" ? template : null,
  };
}

function invalid(name: string, why: string): never {
  const field = `tokenizer.ggml.${name}`;
  throw new TrimtabError("TOKENIZER_INVALID", `${field} ${why}`, { field });
}

function strings(value: unknown, name: string): string[] {
  if (!Array.isArray(value) || !value.every((v) => typeof v === "string"))
    invalid(name, "is not a list of strings");
  return value;
}

function numbers(value: unknown, name: string, length: number, missing: number): number[] {
  if (value === undefined) return new Array<number>(length).fill(missing);
  const list =
    Array.isArray(value) || ArrayBuffer.isView(value) ? Array.from(value as ArrayLike<number>, Number) : [];
  if (list.length !== length) invalid(name, `has ${list.length} entries for ${length} tokens`);
  if (!list.every(Number.isFinite)) invalid(name, "holds a value that is not finite");
  return list;
}

async function sha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 22 }))
    hash.update(chunk as Uint8Array);
  return hash.digest("hex");
}
