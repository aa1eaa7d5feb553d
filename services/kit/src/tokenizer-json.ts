/**
 * The tokenizer of a model directory (`tokenizer.json`, `tokenizer_config.json` …) as the metadata that GGUF files have
 * for the same vocabulary, so that tokenizer and grammars know one kind of vocabulary.
 *
 * Source: the format of the library tokenizers and what llama.cpp's converter makes of it. What this kind of metadata
 * cannot say (other models than BPE, unknown ways to cut text) is refused. Cost: 0.4 s for 50k tokens, 1.3 s for 150k.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { TrimtabError } from "./errors.ts";
import { readRegularFile } from "./files.ts";
import type { GgufValue } from "./gguf-values.ts";
import { decodeUtf8, isJsonObject, type JsonObject } from "./json-file.ts";
import { MODEL_DIRECTORY_LIMITS } from "./limits.ts";
import { readSideFile } from "./model-directory.ts";
import { printable } from "./printable.ts";
import { nameOfPreTokenizer, readAddSpacePrefix } from "./tokenizer-json-cuts.ts";
import { TOKEN_TYPE } from "./token-bytes.ts";

const KEY = "tokenizer.ggml";
const TOKENIZER = "tokenizer.json";
const TEMPLATE = "chat_template.jinja";
/** Keys for ends of a generation besides the first. */
const OTHER_ENDS = ["eot", "eom"];
const SHOWN_CHARS = 60;
const BYTE_TOKEN = /^<0x[0-9A-F]{2}>$/;
const { tokenizerBytes, templateBytes, tokens: MAX_TOKENS, merges: MAX_MERGES } = MODEL_DIRECTORY_LIMITS;

/**
 * Tokenizer metadata of a directory; embedding rows (`vocab_size`) without a token become unused ones. Without a
 * tokenizer.json there are only the ids of special tokens.
 * @throws TrimtabError ARTIFACT_INVALID and TOO_LARGE naming file and key; UNSUPPORTED for other kinds of tokenizers
 */
export function readTokenizerMetadata(path: string): Map<string, GgufValue> {
  const tokenizer = readSideFile(path, TOKENIZER, tokenizerBytes);
  const settings = readSideFile(path, "tokenizer_config.json") ?? {};
  const generation = readSideFile(path, "generation_config.json") ?? {};
  const config = readSideFile(path, "config.json") ?? {};
  const vocabularySize = readVocabularySize(config);
  const metadata = new Map<string, GgufValue>();
  const vocabulary = tokenizer === undefined ? undefined : readVocabulary(tokenizer, vocabularySize);
  if (tokenizer && vocabulary) {
    for (const [key, value] of Object.entries(describe(tokenizer, vocabulary)))
      metadata.set(`${KEY}.${key}`, value);
    metadata.set(`${KEY}.add_bos_token`, addsStart(tokenizer, settings));
  }
  const idOf = (name: string) => {
    const spelling = spellingOf(settings[`${name}_token`]);
    const id = spelling === undefined ? undefined : vocabulary?.ids.get(spelling);
    return id ?? idsOf(config[`${name}_token_id`], vocabularySize)[0];
  };
  for (const [name, key] of Object.entries({ bos: "bos", eos: "eos", unk: "unknown" })) {
    const id = idOf(name);
    if (id !== undefined) metadata.set(`${KEY}.${key}_token_id`, id);
  }
  const ends = [config, generation].flatMap((file) => idsOf(file["eos_token_id"], vocabularySize));
  const others = [...new Set(ends)].filter((id) => id !== metadata.get(`${KEY}.eos_token_id`));
  if (others.length > OTHER_ENDS.length)
    throw unsupported("eos_token_id", `has ${ends.length} ends of a text`);
  others.forEach((id, i) => metadata.set(`${KEY}.${OTHER_ENDS[i]}_token_id`, id));
  const template = readTemplate(path, settings);
  if (template !== undefined) metadata.set("tokenizer.chat_template", template);
  return metadata;
}

function readVocabularySize(config: JsonObject): number {
  const size = config["vocab_size"];
  if (Number.isSafeInteger(size) && (size as number) > 0 && (size as number) <= MAX_TOKENS)
    return size as number;
  const field = "config.vocab_size";
  const message = `${field} is ${show(size)}, must be a whole number from 1 to ${MAX_TOKENS}`;
  throw new TrimtabError("ARTIFACT_INVALID", message, { field, limit: MAX_TOKENS });
}

interface JsonVocabulary {
  readonly ids: ReadonlyMap<string, number>;
  /** Spellings and {@link TOKEN_TYPE} by id. */
  readonly tokens: string[];
  readonly types: Int32Array;
  readonly merges: readonly (readonly [left: string, right: string])[];
  readonly model: JsonObject;
}

function readVocabulary(tokenizer: JsonObject, size: number): JsonVocabulary {
  const model = objectAt(tokenizer, "model");
  if (model["type"] !== "BPE") throw unsupported("model.type", `is ${show(model["type"])}, not BPE`);
  if (model["continuing_subword_prefix"] || model["end_of_word_suffix"]) {
    throw unsupported("model", "marks the inside or the end of words");
  }
  const ids = new Map<string, number>();
  const tokens: (string | undefined)[] = Array.from({ length: size });
  const types = new Int32Array(size).fill(TOKEN_TYPE.unused);
  const add = (field: string, spelling: string, id: unknown, type: number): void => {
    if (!Number.isSafeInteger(id) || (id as number) < 0) throw invalid(field, `has no id, but ${show(id)}`);
    // Tokens beyond the embedding (pictures of other variants of a model) cannot be read.
    if ((id as number) >= size) return;
    const known = tokens[id as number];
    if (known !== undefined && known !== spelling) throw invalid(field, `has the id ${id} of ${show(known)}`);
    tokens[id as number] = spelling;
    types[id as number] = type;
    ids.set(spelling, id as number);
  };
  const isBytes = model["byte_fallback"] === true;
  for (const [spelling, id] of Object.entries(objectAt(model, "vocab", "model."))) {
    const type = isBytes && BYTE_TOKEN.test(spelling) ? TOKEN_TYPE.byte : TOKEN_TYPE.normal;
    add("model.vocab", spelling, id, spelling === model["unk_token"] ? TOKEN_TYPE.unknown : type);
  }
  for (const [i, token] of listAt(tokenizer, "added_tokens").entries()) {
    const field = `added_tokens[${i}]`;
    if (!isJsonObject(token) || typeof token["content"] !== "string") throw invalid(field, "has no content");
    const type = token["special"] === true ? TOKEN_TYPE.control : TOKEN_TYPE.user;
    const isUnknown = token["content"] === model["unk_token"] && isBytes;
    add(field, token["content"], token["id"], isUnknown ? TOKEN_TYPE.unknown : type);
  }
  const spelled = tokens.map((token, id) => token ?? `[PAD${id}]`);
  return { ids, tokens: spelled, types, merges: readMerges(model), model };
}

function readMerges(model: JsonObject): [string, string][] {
  const merges = model["merges"];
  if (!Array.isArray(merges)) throw invalid("model.merges", "is no list");
  if (merges.length > MAX_MERGES) throw invalid("model.merges", `has ${merges.length} entries`, MAX_MERGES);
  return merges.map((merge, i) => {
    const pair: unknown = typeof merge === "string" ? cut(merge) : merge;
    if (
      Array.isArray(pair) &&
      pair.length === 2 &&
      pair.every((part) => typeof part === "string" && part !== "")
    ) {
      return pair as [string, string];
    }
    throw invalid(`model.merges[${i}]`, "is no pair of tokens");
  });
}

/** The two halves of "left right"; nothing of a text that has no blank between two. */
function cut(merge: string): string[] {
  const space = merge.indexOf(" ", 1);
  return space < 0 ? [] : [merge.slice(0, space), merge.slice(space + 1)];
}

/** The vocabulary in GGUF's words: byte-level, or SentencePiece-style with scores in the order of the merges. */
function describe(
  tokenizer: JsonObject,
  { tokens, types, merges, model, ids }: JsonVocabulary,
): Record<string, GgufValue> {
  const common = { tokens, token_type: types };
  const cutting = nameOfPreTokenizer(tokenizer);
  if (cutting !== "sentencepiece") {
    const ignoresMerges = model["ignore_merges"] === true;
    if (ignoresMerges !== (cutting === "llama-bpe"))
      throw unsupported("model.ignore_merges", `is ${ignoresMerges}`);
    return {
      ...common,
      model: "gpt2",
      pre: cutting,
      merges: merges.map(([left, right]) => `${left} ${right}`),
    };
  }
  const scores = new Float32Array(tokens.length).fill(-merges.length - 1);
  for (const [rank, [left, right]] of merges.entries()) {
    const id = ids.get(left + right);
    if (id === undefined)
      throw invalid(`model.merges[${rank}]`, "makes a token that is not in the vocabulary");
    scores[id] = Math.max(scores[id] as number, -rank);
  }
  return { ...common, model: "llama", scores, add_space_prefix: readAddSpacePrefix(tokenizer) };
}

/** Whether texts start with the first token: as the settings say, else as the post-processor does. */
function addsStart(tokenizer: JsonObject, settings: JsonObject): boolean {
  const stated = settings["add_bos_token"];
  if (typeof stated === "boolean") return stated;
  const processor = tokenizer["post_processor"];
  const all =
    isJsonObject(processor) && Array.isArray(processor["processors"]) ? processor["processors"] : [processor];
  const template = all.find((one) => isJsonObject(one) && one["type"] === "TemplateProcessing") as
    JsonObject | undefined;
  const single = template?.["single"];
  return Array.isArray(single) && isJsonObject(single[0]) && "SpecialToken" in single[0];
}

/** The chat template: a file of its own, or the settings' (the one named default, if there are several). */
function readTemplate(path: string, settings: JsonObject): string | undefined {
  if (existsSync(join(path, TEMPLATE))) {
    const bytes = readRegularFile(join(path, TEMPLATE), { label: TEMPLATE, maxBytes: templateBytes });
    return decodeUtf8(bytes, TEMPLATE);
  }
  const stated = settings["chat_template"];
  if (typeof stated === "string" || stated === undefined || stated === null) return stated ?? undefined;
  const named = Array.isArray(stated)
    ? stated.find((one) => isJsonObject(one) && one["name"] === "default")
    : undefined;
  const template = isJsonObject(named) ? named["template"] : undefined;
  if (typeof template === "string") return template;
  throw new TrimtabError("ARTIFACT_INVALID", "tokenizer_config.json: chat_template is no template", {
    field: "tokenizer_config.json: chat_template",
  });
}

/** Spelling of a token in the settings: text, or an object around it. */
function spellingOf(value: unknown): string | undefined {
  const text = isJsonObject(value) ? value["content"] : value;
  return typeof text === "string" ? text : undefined;
}

/** One id or several, those inside the vocabulary. */
function idsOf(value: unknown, size: number): number[] {
  const all: unknown[] = Array.isArray(value) ? value : [value];
  return all.filter(
    (id): id is number => Number.isSafeInteger(id) && (id as number) >= 0 && (id as number) < size,
  );
}

function objectAt(parent: JsonObject, key: string, prefix = ""): JsonObject {
  const value = parent[key];
  if (isJsonObject(value)) return value;
  throw invalid(prefix + key, "is no object");
}

function listAt(parent: JsonObject, key: string): readonly unknown[] {
  const value = parent[key] ?? [];
  if (Array.isArray(value)) return value;
  throw invalid(key, "is no list");
}

function show(value: unknown): string {
  return printable(JSON.stringify(value) ?? "nothing", SHOWN_CHARS);
}

function invalid(key: string, problem: string, limit?: number): TrimtabError {
  const field = `${TOKENIZER}: ${key}`;
  return new TrimtabError(
    "ARTIFACT_INVALID",
    `${field} ${problem}`,
    limit === undefined ? { field } : { field, limit },
  );
}

function unsupported(key: string, problem: string): TrimtabError {
  const field = `${TOKENIZER}: ${key}`;
  return new TrimtabError("UNSUPPORTED", `${field} ${problem}`, { field });
}
