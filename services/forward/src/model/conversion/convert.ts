/**
 * A directory of the hub as the engine reads models: metadata, names and row order as GGUF files of the same family
 * have them, so that both give the same bits. Tensors nobody reads, and arithmetic nobody does, are refused by name.
 */
import { TrimtabError } from "#kit/errors.ts";
import type { GgufValue } from "#kit/gguf-values.ts";
import { type ModelDirectory, openModelDirectory, type StoredTensor } from "#kit/model-directory.ts";
import { readTokenizerMetadata } from "#kit/tokenizer-json.ts";
import { contradiction, unsupported } from "../metadata.ts";
import type { ModelFile } from "../model-file.ts";
import { readByRows } from "../row-reader.ts";
import type { Conversion } from "./conversion.ts";
import { createHubConfig, type HubConfig } from "./hub-config.ts";
import { conversions } from "./index.ts";
import { type ConvertedTensor, convertTensor, type TensorParts, vectorTensor } from "./tensor.ts";

const EMBEDDING = "model.embed_tokens.weight";
const HEAD = "lm_head.weight";
const MAX_EXPERTS = 1_024;
/** Tables that old files carry and nobody needs. */
const IGNORED = /\.rotary_emb\.inv_freq$/;

/**
 * Opens a directory.
 * @throws TrimtabError ARTIFACT_INVALID naming key or tensor, BACKEND_CAPABILITY for what this build does not run
 */
export function convertDirectory(path: string): ModelFile {
  const directory = openModelDirectory(path);
  try {
    const config = createHubConfig(directory.config);
    const conversion = findConversion(config);
    const metadata = readMetadata(config, conversion, directory.name);
    const tokenizer = readTokenizerMetadata(path);
    const converted = convertTensors(directory, config, conversion);
    const tensors = new Map([...converted].map(([name, { tensor }]) => [name, tensor]));
    return {
      header: { metadata: new Map([...tokenizer, ...metadata]), tensors },
      read(tensor, into, from = 0) {
        const found = converted.get(tensor.name);
        if (!found) throw new TrimtabError("INVALID_ARGUMENT", "no such tensor", { field: tensor.name });
        readByRows(found.rowBytes, found.readRows, into, from);
      },
      close: () => directory.close(),
    };
  } catch (error) {
    directory.close();
    throw error;
  }
}

function findConversion(config: HubConfig): Conversion {
  const type = config.get("model_type");
  const found = typeof type === "string" ? conversions.get(type) : undefined;
  if (found) return found;
  const names = [...conversions.keys()].join(", ");
  const message = `model_type "${String(type).slice(0, 40)}" is not supported; supported: ${names}`;
  throw new TrimtabError("BACKEND_CAPABILITY", message, { field: config.path("model_type") });
}

function readMetadata(config: HubConfig, conversion: Conversion, name: string): Map<string, GgufValue> {
  const { family, activation, headDim: usualHeadDim } = conversion;
  const [activationKey, ...activations] = activation;
  config.only(activationKey, ...activations);
  config.only("quantization_config");
  if (family.architecture !== "gemma3") refuseWindows(config);
  const heads = config.count("num_attention_heads");
  const headDim = config.count("head_dim", usualHeadDim ?? config.count("hidden_size") / heads);
  const own: Record<string, GgufValue> = {
    block_count: config.count("num_hidden_layers"),
    context_length: config.count("max_position_embeddings"),
    embedding_length: config.count("hidden_size"),
    feed_forward_length: config.count("intermediate_size"),
    "attention.head_count": heads,
    "attention.head_count_kv": config.count("num_key_value_heads", heads),
    "attention.key_length": headDim,
    "attention.value_length": headDim,
    "attention.layer_norm_rms_epsilon": config.number("rms_norm_eps"),
    "rope.dimension_count": Math.floor(headDim * config.number("partial_rotary_factor", 1)),
    ...conversion.metadata(config),
  };
  const entries = Object.entries(own).map(([key, value]): [string, GgufValue] => [
    `${family.architecture}.${key}`,
    // Files of the engine's own format hold numbers in single precision.
    typeof value === "number" ? Math.fround(value) : value,
  ]);
  return new Map([["general.architecture", family.architecture], ["general.name", name], ...entries]);
}

/** Layers that see only a part of the text, in families whose layers see all. */
function refuseWindows(config: HubConfig): void {
  const types = config.get("layer_types");
  if (types === undefined || (Array.isArray(types) && types.every((type) => type === "full_attention")))
    return;
  throw unsupported(config.path("layer_types"), "a layer that is no full_attention");
}

function convertTensors(
  directory: ModelDirectory,
  config: HubConfig,
  conversion: Conversion,
): Map<string, ConvertedTensor> {
  const { family, layer: sources } = conversion;
  const left = new Set(directory.tensors.keys());
  const find = (name: string): StoredTensor => {
    const found = directory.tensors.get(name);
    if (!found)
      throw new TrimtabError("ARTIFACT_INVALID", `the directory has no tensor ${name}`, { field: name });
    left.delete(name);
    return found;
  };
  const heads = config.count("num_attention_heads");
  const headDim = config.count("head_dim", conversion.headDim ?? config.count("hidden_size") / heads);
  const experts = family.layer.router === null ? 0 : expertsOf(config);
  const interleavedHead = family.ropeInterleaved ? headDim : 0;
  const under = (prefix: string): TensorParts => ({
    ...{ experts, interleavedHead },
    find: (name) => find(prefix + name),
  });
  const made: ConvertedTensor[] = [
    convertTensor(family.embedding, { from: EMBEDDING }, under("")),
    convertTensor(family.outputNorm, conversion.outputNorm, under("model.")),
    ...Object.entries(conversion.vectors(config)).map(([name, values]) => vectorTensor(name, values)),
  ];
  if (config.flag("tie_word_embeddings", conversion.isTied)) left.delete(HEAD);
  else made.push(convertTensor(family.head, { from: HEAD }, under("")));
  for (let layer = 0; layer < config.count("num_hidden_layers"); layer++) {
    const parts = under(`model.layers.${layer}.`);
    for (const [role, source] of Object.entries(sources)) {
      made.push(convertTensor(family.layerPrefix(layer) + role, source, parts));
    }
  }
  const extra = [...left].find((name) => !IGNORED.test(name));
  if (extra !== undefined) throw unsupported(extra.slice(0, 120), "this tensor");
  return new Map(made.map((one) => [one.tensor.name, one]));
}

/** Experts of a layer, under either of its names. */
function expertsOf(config: HubConfig): number {
  const experts = config.count("num_experts", config.count("num_local_experts", 1));
  if (experts > MAX_EXPERTS)
    throw contradiction(config.path("num_experts"), `more than ${MAX_EXPERTS} experts`);
  return experts;
}
