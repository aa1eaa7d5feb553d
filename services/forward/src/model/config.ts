/**
 * Model configuration from GGUF metadata, with every contradiction between metadata and tensors refused by name, so
 * that the engine and the kernels only ever see shapes that fit together.
 */
import { TrimtabError } from "#kit/errors.ts";
import { readStopIds } from "#kit/stop-ids.ts";
import { families } from "../families/index.ts";
import type { Family, LayerSettings, Rotation, Scales } from "../families/family.ts";
import { checkTensors } from "./check-tensors.ts";
import { contradiction, createMetadata, type Metadata, unsupported } from "./metadata.ts";
import type { ModelHeader } from "./model-file.ts";

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
  /** Neurons of an MLP, or of one expert. */
  readonly feedForward: number;
  /** Experts of a layer, and how many a token uses; 0 without a router. */
  readonly experts: number;
  readonly expertsUsed: number;
  readonly vocabulary: number;
  readonly contextTokens: number;
  readonly normEpsilon: number;
  /** Dims of a head that rotate. */
  readonly rotary: number;
  readonly rotations: readonly Rotation[];
  /** By layer. */
  readonly layerSettings: readonly LayerSettings[];
  readonly scales: Scales;
  /** The head is the embedding. */
  readonly tiedHead: boolean;
  /** Ids that end a generation. */
  readonly stopIds: readonly number[];
  readonly parameters: number;
}

/** Sizes of heads come in blocks of 32; rotated dims and experts in steps of 8. */
const BLOCK = 32;
const STEP = 8;

/**
 * Reads and checks the configuration of a model file.
 * @throws TrimtabError BACKEND_CAPABILITY for what this build does not run, ARTIFACT_INVALID for contradictions
 */
export function readConfig(header: ModelHeader, known: ReadonlyMap<string, Family> = families): ModelConfig {
  const architecture = header.metadata.get("general.architecture");
  const family = typeof architecture === "string" ? known.get(architecture) : undefined;
  if (!family) {
    const names = [...known.keys()].join(", ");
    const message = `architecture "${String(architecture).slice(0, 40)}" is not supported; supported: ${names}`;
    throw new TrimtabError("BACKEND_CAPABILITY", message, { field: "general.architecture" });
  }
  const metadata = createMetadata(header, family.architecture);
  const numbers = readNumbers(metadata, family);
  refuseUnknownArithmetic(metadata, family);
  const vocabulary = header.tensors.get(family.embedding)?.dims[1] ?? 0;
  const tokens = header.metadata.get("tokenizer.ggml.tokens");
  if (Array.isArray(tokens) && tokens.length !== vocabulary) {
    throw contradiction("tokenizer.ggml.tokens", `${tokens.length} tokens, but ${vocabulary} embedding rows`);
  }
  const name = header.metadata.get("general.name");
  const parameters = [...header.tensors.values()].reduce(
    (sum, { dims }) => sum + dims.reduce((a, b) => a * b, 1),
    0,
  );
  const { headDim, layers } = numbers;
  const plain = { embedding: 1, residual: 1, scores: 1 / Math.sqrt(headDim), logits: 1 };
  const config: ModelConfig = {
    ...numbers,
    family,
    name: typeof name === "string" && name !== "" ? name : `${family.architecture}-${layers}`,
    headsWidth: numbers.heads * headDim,
    vocabulary,
    rotations: family.rotations(metadata),
    layerSettings: Array.from({ length: layers }, (_, layer) => family.layerSettings(metadata, layer)),
    scales: { ...plain, ...family.scales(metadata) },
    tiedHead: !header.tensors.has(family.head),
    stopIds: readStopIds(header.metadata, vocabulary),
    parameters,
  };
  checkTensors(header, config);
  return config;
}

function readNumbers(metadata: Metadata, family: Family) {
  const { key, count } = metadata;
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
  const rotary = count("rope.dimension_count", headDim, headDim);
  if (rotary % STEP !== 0) throw unsupported(key("rope.dimension_count"), `rotating ${rotary} dims`);
  return {
    layers: count("block_count", 1_024),
    width,
    heads,
    kvHeads,
    headDim,
    rotary,
    feedForward: count(family.feedForwardKey, 1_048_576),
    ...readExperts(metadata, family),
    contextTokens: count("context_length", 2 ** 24),
    normEpsilon: metadata.number(family.normEpsilonKey),
  };
}

function readExperts(metadata: Metadata, family: Family): { experts: number; expertsUsed: number } {
  if (family.layer.router === null) return { experts: 0, expertsUsed: 0 };
  const experts = metadata.count("expert_count", 1_024);
  if (experts % STEP !== 0) throw unsupported(metadata.key("expert_count"), `${experts} experts`);
  return { experts, expertsUsed: metadata.count("expert_used_count", experts) };
}

function refuseUnknownArithmetic(metadata: Metadata, family: Family): void {
  for (const [name, harmless] of Object.entries(family.refused)) {
    const value = metadata.get(name);
    if (value === undefined || value === harmless) continue;
    throw unsupported(metadata.key(name), `the value ${String(value).slice(0, 40)}`);
  }
}
