/**
 * Tiny F32 files of every family, as llama.cpp's converters would write them: seeded random weights whose attention is
 * peaked and whose logits spread (std ≥ 2), without a tokenizer. Both our engine and llama.cpp load them.
 */
import { mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type GgufInput, type GgufTensorInput, writeGguf } from "#kit/gguf-writer.ts";
import { createRandom } from "./synthetic-model.ts";

/** One file. */
export interface FamilyModel {
  readonly architecture: string;
  readonly layers: number;
  readonly tiedHead: boolean;
  readonly heads: number;
  readonly kvHeads: number;
  /** Metadata besides the sizes, after `<architecture>.`. */
  readonly metadata: Readonly<Record<string, GgufInput>>;
  /** Tensors of a layer, dims as in the file; those of one dimension named …norm… are near 1. */
  readonly layerTensors: Readonly<Record<string, readonly number[]>>;
  /** Tensors outside the layers besides embedding, norm and head. */
  readonly otherTensors?: Readonly<Record<string, Float32Array>>;
}

export const WIDTH = 64;
export const VOCABULARY = 256;
const HEAD_DIM = 32;
const FEED_FORWARD = 96;
const EXPERTS = 8;
/** Gains of matrices over unit gain: queries and keys peak attention, the embedding spreads logits. */
const GAIN: Readonly<Record<string, number>> = { attn_q: 1.5, attn_k: 1.5, attn_qkv: 1.5, ffn_gate_inp: 3 };
const HEAD_NORM = 1.5;
const HEAD_GAIN = 4;
const BIAS = 1;

const attention = (heads: number, kvHeads: number) => ({
  "attn_norm.weight": [WIDTH],
  "attn_q.weight": [WIDTH, heads * HEAD_DIM],
  "attn_k.weight": [WIDTH, kvHeads * HEAD_DIM],
  "attn_v.weight": [WIDTH, kvHeads * HEAD_DIM],
  "attn_output.weight": [heads * HEAD_DIM, WIDTH],
});
/** Heads that fill the width exactly, and more than that. */
const few = { heads: 2, kvHeads: 1 };
const many = { heads: 4, kvHeads: 2 };
const headNorms = { "attn_q_norm.weight": [HEAD_DIM], "attn_k_norm.weight": [HEAD_DIM] };
const mlp = {
  "ffn_norm.weight": [WIDTH],
  "ffn_gate.weight": [WIDTH, FEED_FORWARD],
  "ffn_up.weight": [WIDTH, FEED_FORWARD],
  "ffn_down.weight": [FEED_FORWARD, WIDTH],
};
const mixture = {
  "ffn_norm.weight": [WIDTH],
  "ffn_gate_inp.weight": [WIDTH, EXPERTS],
  "ffn_gate_exps.weight": [WIDTH, FEED_FORWARD, EXPERTS],
  "ffn_up_exps.weight": [WIDTH, FEED_FORWARD, EXPERTS],
  "ffn_down_exps.weight": [FEED_FORWARD, WIDTH, EXPERTS],
};
const experts = { expert_count: EXPERTS, expert_used_count: 2 };
const factors = (least: number): Float32Array =>
  Float32Array.from({ length: HEAD_DIM / 2 }, (_, i) => least + i / 4);

/** The files, by name. */
export const familyModels = {
  llama3: {
    architecture: "llama",
    ...many,
    layers: 3,
    tiedHead: false,
    metadata: { "rope.freq_base": 50_000.5 },
    layerTensors: { ...attention(4, 2), ...mlp },
    otherTensors: { "rope_freqs.weight": factors(1) },
  },
  qwen2: {
    architecture: "qwen2",
    ...few,
    layers: 3,
    tiedHead: true,
    metadata: { "rope.freq_base": 1_000_000.5 },
    layerTensors: {
      ...attention(2, 1),
      ...{ "attn_q.bias": [2 * HEAD_DIM], "attn_k.bias": [HEAD_DIM], "attn_v.bias": [HEAD_DIM] },
      ...mlp,
    },
  },
  qwen3: {
    architecture: "qwen3",
    ...many,
    layers: 3,
    tiedHead: true,
    metadata: {},
    layerTensors: { ...attention(4, 2), ...headNorms, ...mlp },
  },
  qwen3moe: {
    architecture: "qwen3moe",
    ...many,
    layers: 3,
    tiedHead: false,
    metadata: { ...experts, expert_feed_forward_length: FEED_FORWARD },
    layerTensors: { ...attention(4, 2), ...headNorms, ...mixture },
  },
  gemma3: {
    architecture: "gemma3",
    ...many,
    layers: 7,
    tiedHead: true,
    metadata: { "rope.freq_base": 1_000_000.5, "attention.sliding_window": 40 },
    layerTensors: {
      ...attention(4, 2),
      ...headNorms,
      "post_attention_norm.weight": [WIDTH],
      ...mlp,
      "post_ffw_norm.weight": [WIDTH],
    },
  },
  smollm3: {
    architecture: "smollm3",
    ...few,
    layers: 5,
    tiedHead: true,
    metadata: {},
    layerTensors: { ...attention(2, 1), ...mlp },
  },
  phi3: {
    architecture: "phi3",
    ...few,
    layers: 3,
    tiedHead: false,
    metadata: {
      "rope.dimension_count": HEAD_DIM / 2,
      "rope.scaling.original_context_length": 128,
      "rope.scaling.attn_factor": 1.19,
    },
    layerTensors: {
      "attn_norm.weight": [WIDTH],
      "attn_qkv.weight": [WIDTH, 4 * HEAD_DIM],
      "attn_output.weight": [2 * HEAD_DIM, WIDTH],
      "ffn_norm.weight": [WIDTH],
      "ffn_up.weight": [WIDTH, 2 * FEED_FORWARD],
      "ffn_down.weight": [FEED_FORWARD, WIDTH],
    },
    otherTensors: {
      "rope_factors_short.weight": factors(1).subarray(0, HEAD_DIM / 4),
      "rope_factors_long.weight": factors(2).subarray(0, HEAD_DIM / 4),
    },
  },
  granitemoe: {
    architecture: "granitemoe",
    ...few,
    layers: 3,
    tiedHead: true,
    metadata: {
      ...experts,
      ...{ embedding_scale: 1.5, residual_scale: 0.6, logit_scale: 1.5, "attention.scale": 0.25 },
    },
    layerTensors: { ...attention(2, 1), ...mixture },
  },
} satisfies Record<string, FamilyModel>;

/** What to change in a file. */
export interface FileChange {
  /** Tensors of a layer to leave out. */
  readonly without?: readonly string[];
  readonly seed?: number;
}

/** Writes a file into the temporary directory and answers its path. */
export async function writeFamilyModel(model: FamilyModel, change: FileChange = {}): Promise<string> {
  const name = Bun.hash(JSON.stringify([model, change])).toString(16);
  const path = join(tmpdir(), "trimtab-tests", `${model.architecture}-${name}-${process.pid}.gguf`);
  mkdirSync(dirname(path), { recursive: true });
  await Bun.write(path, familyModelBytes(model, change));
  return path;
}

/** The bytes of the file. */
export function familyModelBytes(
  model: FamilyModel,
  { without = [], seed = 1 }: FileChange = {},
): Uint8Array {
  const { architecture: prefix, layers, layerTensors } = model;
  const random = createRandom(seed);
  const entries: Record<string, GgufInput> = {
    block_count: layers,
    context_length: 512,
    embedding_length: WIDTH,
    feed_forward_length: FEED_FORWARD,
    "attention.head_count": model.heads,
    "attention.head_count_kv": model.kvHeads,
    "attention.key_length": HEAD_DIM,
    "attention.value_length": HEAD_DIM,
    "attention.layer_norm_rms_epsilon": 1e-5,
    "rope.dimension_count": HEAD_DIM,
    vocab_size: VOCABULARY,
    ...model.metadata,
  };
  const metadata = Object.fromEntries(
    Object.entries(entries).map(([key, value]) => [`${prefix}.${key}`, value]),
  );
  const tensors: GgufTensorInput[] = [
    create("token_embd.weight", [WIDTH, VOCABULARY], random),
    create("output_norm.weight", [WIDTH], random),
  ];
  if (!model.tiedHead) tensors.push(create("output.weight", [WIDTH, VOCABULARY], random));
  for (const [name, data] of Object.entries(model.otherTensors ?? {})) {
    tensors.push({ name, dims: [data.length], data: data.slice() });
  }
  for (let layer = 0; layer < layers; layer++) {
    for (const [name, dims] of Object.entries(layerTensors)) {
      const tensor = create(`blk.${layer}.${name}`, dims, random);
      if (!without.includes(name)) tensors.push(tensor);
    }
  }
  const about = {
    "general.architecture": prefix,
    "general.name": prefix,
    "tokenizer.ggml.model": "no_vocab",
  };
  return writeGguf({ ...about, ...metadata }, tensors);
}

function create(name: string, dims: readonly number[], random: () => number): GgufTensorInput {
  const [, role = name] = /([^.]+)\.(?:weight|bias)$/.exec(name) ?? [];
  const length = dims.reduce((a, b) => a * b, 1);
  const unit = Math.sqrt(3 / (dims[0] ?? 1));
  const values = (): number => {
    if (name.endsWith(".bias")) return BIAS * random();
    if (/^attn_[qk]_norm$/.test(role)) return HEAD_NORM + 0.4 * random();
    if (dims.length === 1) return 1 + 0.3 * random();
    if (role === "token_embd" || role === "output") return HEAD_GAIN * unit * random();
    return (GAIN[role] ?? 1) * unit * random();
  };
  return { name, dims, data: Float32Array.from({ length }, values) };
}
