/**
 * A directory with a model as the hub lays it out: `config.json`, safetensors in one file or in shards with an index,
 * `tokenizer.json` and its like. Everything is untrusted: names of shards are plain file names, headers are checked
 * before anything is allocated from them, tensors are read with pread.
 *
 * Digest: SHA-256 of the lines `<SHA-256 of a file>  <name>`, by name, of the files that make the model
 * (`sha256sum FILES | sha256sum`). Cost: opening reads the JSON and the headers; the digest reads every byte.
 */
import { closeSync, existsSync } from "node:fs";
import { basename, join } from "node:path";
import { TrimtabError } from "./errors.ts";
import { digestOfFiles, type NamedFile, type OpenFile, openRegularFile, readFully } from "./files.ts";
import { isJsonObject, type JsonObject, readJsonFile } from "./json-file.ts";
import { MODEL_DIRECTORY_LIMITS } from "./limits.ts";
import { printable } from "./printable.ts";
import { parseSafetensorsHeader, type SafetensorsDtype } from "./safetensors-header.ts";

/** A tensor of a directory. */
export interface StoredTensor {
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  /** The last is the fastest. */
  readonly shape: readonly number[];
  readonly sizeBytes: number;
  /** Fills `into` with the bytes from `from` on. @throws TrimtabError INVALID_ARGUMENT, ARTIFACT_CORRUPT. */
  read(into: Uint8Array, from: number): void;
}

/** An open directory. */
export interface ModelDirectory {
  readonly name: string;
  readonly config: JsonObject;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  close(): void;
}

/** The file that makes a directory a model. */
const CONFIG = "config.json";
const SINGLE = "model.safetensors";
const INDEX = "model.safetensors.index.json";
/** Files besides the weights that say what a model answers. */
const SIDE_FILES = [
  ...[CONFIG, "generation_config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"],
  INDEX,
];
const SHARD_NAME = /^[A-Za-z0-9_][\w.-]{0,200}\.safetensors$/;
const { jsonBytes, jsonDepth, indexBytes } = MODEL_DIRECTORY_LIMITS;
/** Names of tensors come behind the names of files. */
const SHOWN_CHARS = 200;
const named = (text: string): string => printable(text, SHOWN_CHARS);

/** True if `path` is a directory with a `config.json`. */
export function isModelDirectory(path: string): boolean {
  return existsSync(join(path, CONFIG));
}

/** A JSON file of the directory, or undefined if there is none. @throws TrimtabError ARTIFACT_INVALID, TOO_LARGE. */
export function readSideFile(path: string, name: string, maxBytes = jsonBytes): JsonObject | undefined {
  if (!existsSync(join(path, name))) return undefined;
  return readJsonFile(join(path, name), name, { maxBytes, maxDepth: jsonDepth });
}

/**
 * Opens a directory.
 * @throws TrimtabError ARTIFACT_NOT_FOUND, ARTIFACT_INVALID naming file and tensor, TOO_LARGE.
 */
export function openModelDirectory(path: string): ModelDirectory {
  const config = readJsonFile(join(path, CONFIG), CONFIG, { maxBytes: jsonBytes, maxDepth: jsonDepth });
  const { shards, placeOf } = listShards(path);
  const open: OpenFile[] = [];
  const close = () => open.splice(0).forEach(({ fd }) => closeSync(fd));
  const tensors = new Map<string, StoredTensor>();
  try {
    for (const shard of shards) {
      const file = openShard(path, shard);
      open.push(file);
      for (const tensor of readShard(file, shard)) {
        if (placeOf && placeOf.get(tensor.name) !== shard) {
          throw invalid(tensor.name, `is in ${shard}, but not by ${INDEX}`);
        }
        tensors.set(tensor.name, tensor);
      }
    }
    const missing = [...(placeOf?.keys() ?? [])].find((name) => !tensors.has(name));
    if (missing !== undefined)
      throw invalid(missing, `is named by ${INDEX}, but not in ${placeOf?.get(missing)}`);
    return { name: basename(path), config, tensors, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** Digest of a directory, see above. @throws TrimtabError ARTIFACT_NOT_FOUND, ARTIFACT_INVALID. */
export function digestOfDirectory(path: string): string {
  return digestOfFiles(filesOfDirectory(path));
}

/** The files that make the model, by name. @throws TrimtabError ARTIFACT_INVALID. */
export function filesOfDirectory(path: string): readonly NamedFile[] {
  const side = SIDE_FILES.filter((name) => existsSync(join(path, name)));
  return [...side, ...listShards(path).shards].toSorted().map((name) => ({ name, at: join(path, name) }));
}

/** Names of the weight files; with an index, the file of each tensor. */
function listShards(path: string): { shards: string[]; placeOf?: ReadonlyMap<string, string> } {
  const index = readSideFile(path, INDEX, indexBytes);
  if (index === undefined) return { shards: [SINGLE] };
  const { weight_map: map } = index;
  if (!isJsonObject(map)) throw invalid(`${INDEX}.weight_map`, "is no object");
  const placeOf = new Map<string, string>();
  for (const [tensor, shard] of Object.entries(map)) {
    if (typeof shard !== "string" || !SHARD_NAME.test(shard)) {
      throw invalid(`${INDEX}.weight_map.${named(tensor)}`, "is no plain name of a safetensors file");
    }
    placeOf.set(tensor, shard);
  }
  const shards = [...new Set(placeOf.values())];
  const limit = MODEL_DIRECTORY_LIMITS.shards;
  if (shards.length === 0) throw invalid(`${INDEX}.weight_map`, "is empty");
  if (shards.length > limit) {
    throw invalid(`${INDEX}.weight_map`, `has ${shards.length} files, the limit is ${limit}`, limit);
  }
  return { shards, placeOf };
}

function openShard(path: string, shard: string): OpenFile {
  try {
    return openRegularFile(join(path, shard), { label: shard, maxBytes: MODEL_DIRECTORY_LIMITS.shardBytes });
  } catch (error) {
    // A model that lacks one of its files is not "not found", it is broken.
    if (error instanceof TrimtabError && error.reason === "ARTIFACT_NOT_FOUND") {
      throw invalid(shard, "does not exist");
    }
    throw error;
  }
}

function readShard(file: OpenFile, shard: string): StoredTensor[] {
  const { entries } = parseSafetensorsHeader(file, MODEL_DIRECTORY_LIMITS);
  return entries.map(({ name, dtype, shape, start, end }) => ({
    ...{ name, dtype, shape, sizeBytes: end - start },
    read(into, from) {
      if (from < 0 || start + from + into.length > end) {
        const message = `bytes ${from}..${from + into.length} lie outside ${named(name)} of ${shard}`;
        throw new TrimtabError("INVALID_ARGUMENT", message, { field: named(name) });
      }
      readFully(file.fd, into, start + from);
    },
  }));
}

function invalid(field: string, problem: string, limit?: number): TrimtabError {
  const name = named(field);
  const context = limit === undefined ? { field: name } : { field: name, limit };
  return new TrimtabError("ARTIFACT_INVALID", `${name} ${problem}`, context);
}
