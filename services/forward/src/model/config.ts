/**
 * Model configuration from GGUF metadata, with every contradiction between metadata and tensors refused by name, so
 * that the engine and the kernels only ever see shapes that fit together.
 */
import { TrimtabError } from "#kit/errors.ts";
import type { GgufHeader, GgufTensor } from "#kit/gguf.ts";
import { readStopIds } from "#kit/stop-ids.ts";
import { families } from "../families/index.ts";
import type { Family, LayerTensors } from "../families/family.ts";

/** What the engine needs to know about a model. */
export interface ModelConfig {
  readonly family: Family;
  readonly name: string;
  readonly layers: number;
  /** Width of the residual stream. */
  readonly width: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** heads · headDim */
  readonly headsWidth: number;
  readonly feedForward: number;
  readonly vocabulary: number;
  readonly contextTokens: number;
  readonly normEpsilon: number;
  readonly ropeBase: number;
  readonly ropeInterleaved: boolean;
  readonly embeddingScale: number;
  /** The head is the embedding. */
  readonly tiedHead: boolean;
  /** Ids that end a generation. */
  readonly stopIds: readonly number[];
  readonly parameters: number;
}

/** Features of a matrix come in blocks of 32. */
const BLOCK = 32;

/**
 * Reads and checks the configuration of a model file.
 * @throws TrimtabError BACKEND_CAPABILITY for what this build does not run, ARTIFACT_INVALID for contradictions
 */
export function readConfig(header: GgufHeader): ModelConfig {
  const architecture = header.metadata.get("general.architecture");
  const family = typeof architecture === "string" ? families.get(architecture) : undefined;
  if (!family) {
    const known = [...families.keys()].join(", ");
    const message = `architecture "${String(architecture).slice(0, 40)}" is not supported; supported: ${known}`;
    throw new TrimtabError("BACKEND_CAPABILITY", message, { field: "general.architecture" });
  }
  const numbers = readNumbers(header, family);
  refuseUnknownArithmetic(header, family);
  const embedding = tensor(header, family.embedding);
  const vocabulary = embedding.dims[1] ?? 0;
  const tokens = header.metadata.get("tokenizer.ggml.tokens");
  if (Array.isArray(tokens) && tokens.length !== vocabulary) {
    throw contradiction("tokenizer.ggml.tokens", `${tokens.length} tokens, but ${vocabulary} embedding rows`);
  }
  const name = header.metadata.get("general.name");
  const parameters = [...header.tensors.values()].reduce(
    (sum, { dims }) => sum + dims.reduce((a, b) => a * b, 1),
    0,
  );
  const config: ModelConfig = {
    ...numbers,
    family,
    name: typeof name === "string" && name !== "" ? name : architectureName(family, numbers.layers),
    headsWidth: numbers.heads * numbers.headDim,
    vocabulary,
    ropeInterleaved: family.ropeInterleaved,
    embeddingScale: family.embeddingScale,
    tiedHead: !header.tensors.has(family.head),
    stopIds: readStopIds(header.metadata, vocabulary),
    parameters,
  };
  checkTensors(header, config);
  return config;
}

function architectureName(family: Family, layers: number): string {
  return `${family.architecture}-${layers}`;
}

function readNumbers(header: GgufHeader, family: Family) {
  const key = (name: string) => `${family.architecture}.${name}`;
  const read = (name: string, fallback?: number): number => {
    const value = header.metadata.get(key(name)) ?? fallback;
    if (typeof value !== "number" || !Number.isFinite(value) || value <= 0) {
      throw contradiction(key(name), `must be a number over 0, is ${String(value).slice(0, 40)}`);
    }
    return value;
  };
  const count = (name: string, limit: number, fallback?: number): number => {
    const value = read(name, fallback);
    if (!Number.isInteger(value) || value > limit) {
      throw contradiction(key(name), `must be a whole number up to ${limit}, is ${value}`);
    }
    return value;
  };
  const width = count("embedding_length", 65_536);
  const heads = count("attention.head_count", 1_024);
  const kvHeads = count("attention.head_count_kv", heads, heads);
  const headDim = count("attention.key_length", 1_024, width / heads);
  if (heads % kvHeads !== 0) {
    throw contradiction(key("attention.head_count_kv"), `${kvHeads} does not divide ${heads} heads`);
  }
  if (headDim % BLOCK !== 0) throw unsupported(key("attention.key_length"), `heads of ${headDim} dimensions`);
  if (count("attention.value_length", 1_024, headDim) !== headDim) {
    throw unsupported(key("attention.value_length"), "values of another size than keys");
  }
  if (count("rope.dimension_count", 1_024, headDim) !== headDim) {
    throw unsupported(key("rope.dimension_count"), "rotating only a part of each head");
  }
  return {
    layers: count("block_count", 1_024),
    width,
    heads,
    kvHeads,
    headDim,
    feedForward: count("feed_forward_length", 1_048_576),
    contextTokens: count("context_length", 2 ** 24),
    normEpsilon: read(family.normEpsilonKey),
    ropeBase: read("rope.freq_base", 10_000),
  };
}

function refuseUnknownArithmetic(header: GgufHeader, family: Family): void {
  for (const [name, harmless] of Object.entries(family.refused)) {
    const key = `${family.architecture}.${name}`;
    const value = header.metadata.get(key);
    if (value !== undefined && value !== harmless)
      throw unsupported(key, `the value ${String(value).slice(0, 40)}`);
  }
  for (const name of header.tensors.keys()) {
    if (name.startsWith("blk.") && name.endsWith(".bias")) throw unsupported(name, "this tensor");
  }
}

/** Every tensor the family names must be there in the shape the metadata says, and no layer more. */
function checkTensors(header: GgufHeader, config: ModelConfig): void {
  const { family, width, headsWidth, kvHeads, headDim, feedForward, vocabulary, layers } = config;
  for (const [key, value] of Object.entries({ width, headsWidth, feedForward })) {
    if (value % BLOCK !== 0) throw unsupported(key, `${value}, which is no multiple of ${BLOCK}`);
  }
  const kvWidth = kvHeads * headDim;
  const shapes: Record<keyof LayerTensors, readonly number[]> = {
    attentionNorm: [width],
    query: [width, headsWidth],
    key: [width, kvWidth],
    value: [width, kvWidth],
    attentionOutput: [headsWidth, width],
    mlpNorm: [width],
    gate: [width, feedForward],
    up: [width, feedForward],
    down: [feedForward, width],
  };
  checkShape(tensor(header, family.embedding), [width, vocabulary]);
  checkShape(tensor(header, family.outputNorm), [width]);
  const factors = header.tensors.get(family.ropeFactors);
  if (factors) checkShape(factors, [headDim / 2]);
  if (!config.tiedHead) checkShape(tensor(header, family.head), [width, vocabulary]);
  for (let layer = 0; layer < layers; layer++) {
    for (const [role, shape] of Object.entries(shapes)) {
      const name = family.layerPrefix(layer) + family.layer[role as keyof LayerTensors];
      checkShape(tensor(header, name), shape);
    }
  }
  const extra = family.layerPrefix(layers);
  for (const name of header.tensors.keys()) {
    if (name.startsWith(extra)) throw contradiction(name, `the file says it has ${layers} layers`);
  }
}

function checkShape(found: GgufTensor, expected: readonly number[]): void {
  const dims = [...found.dims];
  while (dims.length > expected.length && dims.at(-1) === 1) dims.pop();
  if (dims.length !== expected.length || dims.some((dim, index) => dim !== expected[index])) {
    throw contradiction(found.name, `shape [${dims.join(", ")}], metadata says [${expected.join(", ")}]`);
  }
  if (expected.length === 1 && found.type.name !== "F32") {
    throw unsupported(found.name, `norm weights of type ${found.type.name}`);
  }
}

function tensor(header: GgufHeader, name: string): GgufTensor {
  const found = header.tensors.get(name);
  if (!found) throw new TrimtabError("ARTIFACT_INVALID", `the file has no tensor ${name}`, { field: name });
  return found;
}

function contradiction(field: string, text: string): TrimtabError {
  return new TrimtabError("ARTIFACT_INVALID", `${field}: ${text}`, { field });
}

function unsupported(field: string, text: string): TrimtabError {
  return new TrimtabError("BACKEND_CAPABILITY", `${field}: ${text} is not supported`, { field });
}
