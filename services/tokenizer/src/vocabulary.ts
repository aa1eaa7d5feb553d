/**
 * The vocabulary of a model file: GGUF metadata, checked as untrusted input and brought into one shape.
 * Source: the GGUF keys `tokenizer.ggml.*` as llama.cpp reads them. Cost: some tens of milliseconds for 50k tokens.
 */
import { TrimtabError } from "#kit/errors.ts";
import {
  ggufBoolean,
  type GgufMetadata,
  ggufNumber,
  ggufNumbers,
  ggufText,
  ggufTexts,
} from "#kit/gguf-values.ts";
import { printable } from "#kit/printable.ts";
import { readStopIds } from "#kit/stop-ids.ts";
import { TOKEN_TYPE } from "#kit/token-bytes.ts";
import { VOCABULARY_LIMITS } from "../limits.ts";
import { PRE_TOKENIZERS, type PreTokenizer } from "./pre-tokenizers.ts";

/** A checked vocabulary. */
export interface Vocabulary {
  /** `bpe`: byte-level merges. `spm`: SentencePiece-style, merged by the score of the result. */
  readonly kind: "bpe" | "spm";
  /** Of `bpe` only. */
  readonly preTokenizer: PreTokenizer;
  /** Spellings by id; unique. */
  readonly tokens: readonly string[];
  /** {@link TOKEN_TYPE} by id. */
  readonly types: Uint8Array;
  /** By id; all 0 for `bpe`. */
  readonly scores: Float32Array;
  /** "left right", best first; empty for `spm`. */
  readonly merges: readonly string[];
  readonly idOf: ReadonlyMap<string, number>;
  readonly bosId: number | undefined;
  readonly eosId: number | undefined;
  readonly unknownId: number | undefined;
  readonly addBos: boolean;
  readonly addEos: boolean;
  /** A text starts with a space that is not there (`spm`). */
  readonly addSpacePrefix: boolean;
  /** Ids that end a generation, ascending. */
  readonly stopIds: readonly number[];
  readonly chatTemplate: string | undefined;
}

const KEY = "tokenizer.ggml";
const BYTE_TOKEN = /^<0x[0-9A-F]{2}>$/;

/**
 * Reads the vocabulary from a file's metadata.
 * @throws TrimtabError TOKENIZER_INVALID naming the key; UNSUPPORTED for kinds of tokenizers we do not have.
 */
export function readVocabulary(metadata: GgufMetadata): Vocabulary {
  const kind = readKind(metadata);
  const preTokenizer = readPreTokenizer(metadata, kind);
  const tokens = readTokens(metadata);
  const idOf = indexTokens(tokens);
  const types = readTypes(metadata, tokens);
  const scores = readScores(metadata, tokens.length, kind);
  const id = (name: string) => readId(metadata, `${KEY}.${name}`, tokens.length);
  const bosId = id("bos_token_id") ?? (kind === "spm" ? idOf.get("<s>") : undefined);
  const eosId = id("eos_token_id") ?? (kind === "spm" ? idOf.get("</s>") : undefined);
  const unknownId = id("unknown_token_id") ?? (kind === "spm" ? idOf.get("<unk>") : undefined);
  const addBos = flag(metadata, "add_bos_token") ?? (kind === "spm" || (preTokenizer.addBos ?? false));
  const addEos = flag(metadata, "add_eos_token") ?? false;
  if (addBos && bosId === undefined) refuse(`${KEY}.bos_token_id`, "is missing, but texts start with it");
  if (addEos && eosId === undefined) refuse(`${KEY}.eos_token_id`, "is missing, but texts end with it");
  const stopIds = readTyped(KEY, () => readStopIds(metadata, tokens.length));
  // Some files forget to mark them: typed by a user they must not end the turn.
  for (const end of stopIds) types[end] = TOKEN_TYPE.control;
  return {
    ...{ kind, preTokenizer, tokens, types, scores, idOf, bosId, eosId, unknownId, addBos, addEos },
    merges: kind === "bpe" ? readMerges(metadata, idOf) : [],
    addSpacePrefix: kind === "spm" && (flag(metadata, "add_space_prefix") ?? true),
    stopIds,
    chatTemplate: readTyped("tokenizer.chat_template", () => ggufText(metadata, "tokenizer.chat_template")),
  };
}

/** @throws TrimtabError TOKENIZER_INVALID. */
function refuse(field: string, problem: string, limit?: number): never {
  throw new TrimtabError(
    "TOKENIZER_INVALID",
    `${field} ${problem}`,
    limit === undefined ? { field } : { field, limit },
  );
}

/** Values of the wrong type are this file's fault: the reader's ARTIFACT_INVALID becomes TOKENIZER_INVALID. */
function readTyped<T>(key: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof TrimtabError)
      throw new TrimtabError("TOKENIZER_INVALID", error.message, { field: error.field ?? key });
    throw error;
  }
}

function flag(metadata: GgufMetadata, name: string): boolean | undefined {
  return readTyped(`${KEY}.${name}`, () => ggufBoolean(metadata, `${KEY}.${name}`));
}

function readKind(metadata: GgufMetadata): "bpe" | "spm" {
  const key = `${KEY}.model`;
  const model = readTyped(key, () => ggufText(metadata, key));
  if (model === undefined) return refuse(key, "is missing");
  if (model === "gpt2") return "bpe";
  if (model === "llama") return "spm";
  throw new TrimtabError("UNSUPPORTED", `${key} is "${printable(model)}"; supported are gpt2 and llama`, {
    field: key,
  });
}

function readPreTokenizer(metadata: GgufMetadata, kind: "bpe" | "spm"): PreTokenizer {
  const key = `${KEY}.pre`;
  const name = (kind === "bpe" && readTyped(key, () => ggufText(metadata, key))) || "default";
  const known = PRE_TOKENIZERS.get(name);
  if (known) return known;
  throw new TrimtabError("UNSUPPORTED", `${key} is "${printable(name)}", which is not known`, { field: key });
}

function readTokens(metadata: GgufMetadata): readonly string[] {
  const key = `${KEY}.tokens`;
  const tokens = readTyped(key, () => ggufTexts(metadata, key));
  if (!tokens || tokens.length === 0) return refuse(key, "is missing");
  if (tokens.length > VOCABULARY_LIMITS.tokens) {
    return refuse(key, `has ${tokens.length} tokens`, VOCABULARY_LIMITS.tokens);
  }
  const long = tokens.findIndex((token) => token.length > VOCABULARY_LIMITS.tokenBytes);
  if (long >= 0) return refuse(`${key}[${long}]`, "is too long", VOCABULARY_LIMITS.tokenBytes);
  return tokens.includes("") ? tokens.map((token, at) => token || `[EMPTY_${at}]`) : tokens;
}

function indexTokens(tokens: readonly string[]): Map<string, number> {
  const idOf = new Map<string, number>();
  for (const [id, token] of tokens.entries()) {
    const first = idOf.get(token);
    if (first !== undefined) refuse(`${KEY}.tokens[${id}]`, `repeats token ${first}`);
    idOf.set(token, id);
  }
  return idOf;
}

function readTypes(metadata: GgufMetadata, tokens: readonly string[]): Uint8Array {
  const key = `${KEY}.token_type`;
  const values = readTyped(key, () => ggufNumbers(metadata, key));
  if (values === undefined) return new Uint8Array(tokens.length).fill(TOKEN_TYPE.normal);
  if (values.length !== tokens.length)
    return refuse(key, `has ${values.length} entries for ${tokens.length} tokens`);
  return Uint8Array.from(values as ArrayLike<number>, (_, id) => {
    const type = Number(values[id]);
    if (!(type >= TOKEN_TYPE.normal && type <= TOKEN_TYPE.byte)) refuse(`${key}[${id}]`, `is ${type}`);
    if (type === TOKEN_TYPE.byte && !BYTE_TOKEN.test(tokens[id] ?? "")) {
      refuse(`${KEY}.tokens[${id}]`, "is a byte token but not spelled <0x00> to <0xFF>");
    }
    return type;
  });
}

function readScores(metadata: GgufMetadata, count: number, kind: "bpe" | "spm"): Float32Array {
  const key = `${KEY}.scores`;
  const values = kind === "spm" ? readTyped(key, () => ggufNumbers(metadata, key)) : undefined;
  if (values === undefined) return kind === "spm" ? refuse(key, "is missing") : new Float32Array(count);
  if (values.length !== count) return refuse(key, `has ${values.length} entries for ${count} tokens`);
  return Float32Array.from(values as ArrayLike<number>, (_, id) => {
    const score = Number(values[id]);
    if (!Number.isFinite(score)) refuse(`${key}[${id}]`, "is not a finite number");
    return score;
  });
}

function readMerges(metadata: GgufMetadata, idOf: ReadonlyMap<string, number>): readonly string[] {
  const key = `${KEY}.merges`;
  const merges = readTyped(key, () => ggufTexts(metadata, key));
  if (!merges) return refuse(key, "is missing");
  if (merges.length > VOCABULARY_LIMITS.merges) {
    return refuse(key, `has ${merges.length} entries`, VOCABULARY_LIMITS.merges);
  }
  for (const [at, merge] of merges.entries()) {
    const space = merge.indexOf(" ", 1);
    const [left, right] = [merge.slice(0, space), merge.slice(space + 1)];
    if (space < 0 || right === "" || right.includes(" ")) refuse(`${key}[${at}]`, "is not a pair of tokens");
    if (!idOf.has(left) || !idOf.has(right) || !idOf.has(left + right)) {
      refuse(`${key}[${at}]`, "joins or makes a token that is not in the vocabulary");
    }
  }
  return merges;
}

function readId(metadata: GgufMetadata, key: string, count: number): number | undefined {
  return readTyped(key, () => ggufNumber(metadata, key, { min: 0, max: count - 1, integer: true }));
}
