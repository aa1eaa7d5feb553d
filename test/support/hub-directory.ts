/**
 * Directories as the hub lays them out, made from tiny GGUF files: the converter's way back, written after the hub's own
 * names (which `model/hub-names.test.ts` compares with the tables of the PyPI package gguf).
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseGguf, type GgufTensor } from "#kit/gguf.ts";
import { writeSafetensors } from "#kit/safetensors.ts";
import type { FamilyModel } from "./family-models.ts";

/** A directory that is not yet written: JSON files, and tensors by the hub's names. */
export interface HubFiles {
  config: Record<string, unknown>;
  tensors: Record<string, HubTensor>;
  /** Other files, JSON by name. */
  readonly json: Record<string, unknown>;
}

/** A tensor; the last dimension is the fastest. */
export interface HubTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** `model_type`, activation and keys of each architecture. */
const ABOUT: Readonly<Record<string, Record<string, unknown>>> = {
  llama: { model_type: "llama", hidden_act: "silu" },
  qwen2: { model_type: "qwen2", hidden_act: "silu", use_sliding_window: false, sliding_window: 4096 },
  qwen3: { model_type: "qwen3", hidden_act: "silu" },
  qwen3moe: {
    ...{ model_type: "qwen3_moe", hidden_act: "silu", norm_topk_prob: true, decoder_sparse_step: 1 },
    ...{ mlp_only_layers: [], num_experts: 8, num_experts_per_tok: 2, moe_intermediate_size: 96 },
  },
  gemma3: {
    ...{ model_type: "gemma3_text", hidden_activation: "gelu_pytorch_tanh", query_pre_attn_scalar: 32 },
    ...{ sliding_window: 40, rope_local_base_freq: 10_000, final_logit_softcapping: null },
  },
  smollm3: { model_type: "smollm3", hidden_act: "silu", no_rope_layers: [1, 1, 1, 0, 1] },
  phi3: { model_type: "phi3", hidden_act: "silu", partial_rotary_factor: 0.5, sliding_window: null },
  granitemoe: {
    ...{ model_type: "granitemoe", hidden_act: "silu", num_local_experts: 8, num_experts_per_tok: 2 },
    ...{
      embedding_multiplier: 1.5,
      residual_multiplier: 0.6,
      logits_scaling: 1.5,
      attention_multiplier: 0.25,
    },
  },
};
const NAMES: Readonly<Record<string, string>> = {
  attn_norm: "input_layernorm",
  attn_q: "self_attn.q_proj",
  attn_k: "self_attn.k_proj",
  attn_v: "self_attn.v_proj",
  attn_qkv: "self_attn.qkv_proj",
  attn_q_norm: "self_attn.q_norm",
  attn_k_norm: "self_attn.k_norm",
  attn_output: "self_attn.o_proj",
  ffn_norm: "post_attention_layernorm",
  ffn_gate: "mlp.gate_proj",
  ffn_up: "mlp.up_proj",
  ffn_down: "mlp.down_proj",
  ffn_gate_inp: "mlp.gate",
  post_attention_norm: "post_attention_layernorm",
  post_ffw_norm: "post_feedforward_layernorm",
};
const OTHER_NAMES: Readonly<Record<string, Record<string, string>>> = {
  gemma3: { ffn_norm: "pre_feedforward_layernorm" },
  phi3: { ffn_up: "mlp.gate_up_proj" },
  granitemoe: {
    ffn_gate_inp: "block_sparse_moe.router.layer",
    ffn_down_exps: "block_sparse_moe.output_linear",
  },
};
/** Architectures whose query and key rows GGUF files hold for neighbours. */
const INTERLEAVED = new Set(["llama", "smollm3", "granitemoe"]);
const HEAD_DIM = 32;

/** The directory of a tiny GGUF file's bytes. */
export function hubFilesOf(model: FamilyModel, bytes: Uint8Array): HubFiles {
  const { metadata, tensors: stored } = parseGguf(bytes);
  const { architecture } = model;
  const get = (key: string): unknown => metadata.get(`${architecture}.${key}`);
  const floats = ({ offset, sizeBytes }: GgufTensor) =>
    new Float32Array(bytes.slice(offset, offset + sizeBytes).buffer);
  const config: Record<string, unknown> = {
    ...{ num_hidden_layers: get("block_count"), hidden_size: get("embedding_length"), head_dim: HEAD_DIM },
    ...{ intermediate_size: get("feed_forward_length"), max_position_embeddings: get("context_length") },
    ...{
      num_attention_heads: model.heads,
      num_key_value_heads: model.kvHeads,
      vocab_size: get("vocab_size"),
    },
    ...{
      rms_norm_eps: 1e-5,
      tie_word_embeddings: model.tiedHead,
      rope_theta: get("rope.freq_base") ?? 10_000,
    },
    ...ABOUT[architecture],
  };
  const tensors: Record<string, HubTensor> = {};
  for (const [name, tensor] of stored) {
    const shape = tensor.dims.toReversed();
    const data = floats(tensor);
    const [, layer, role = "", kind = ""] = /^blk\.(\d+)\.([^.]+)\.(.+)$/.exec(name) ?? [];
    if (layer === undefined) addGlobal(name, { shape, data }, config, tensors, architecture);
    else addPart(architecture, `model.layers.${layer}.`, role, kind, { shape, data }, tensors);
  }
  if (architecture === "granitemoe") fuseExperts(tensors);
  return { config, tensors, json: {} };
}

function addGlobal(
  name: string,
  tensor: HubTensor,
  config: Record<string, unknown>,
  tensors: Record<string, HubTensor>,
  architecture: string,
): void {
  const scaling = (config["rope_scaling"] ?? {}) as Record<string, unknown>;
  if (name === "token_embd.weight") tensors["model.embed_tokens.weight"] = tensor;
  else if (name === "output.weight") tensors["lm_head.weight"] = tensor;
  else if (name === "output_norm.weight") tensors["model.norm.weight"] = withoutOne(architecture, tensor);
  else if (name === "rope_factors_short.weight") {
    config["rope_scaling"] = { ...scaling, type: "longrope", short_factor: [...tensor.data] };
  } else if (name === "rope_factors_long.weight") {
    config["rope_scaling"] = { ...scaling, long_factor: [...tensor.data] };
    config["original_max_position_embeddings"] = 128;
  }
}

function addPart(
  architecture: string,
  prefix: string,
  role: string,
  kind: string,
  tensor: HubTensor,
  tensors: Record<string, HubTensor>,
): void {
  const name = OTHER_NAMES[architecture]?.[role] ?? NAMES[role];
  if (role.endsWith("_exps") && name === undefined) {
    const part = `${role.slice("ffn_".length, -"_exps".length)}_proj`;
    const [experts = 0, rows = 0, columns = 0] = tensor.shape;
    for (let expert = 0; expert < experts; expert++) {
      const data = tensor.data.slice(expert * rows * columns, (expert + 1) * rows * columns);
      tensors[`${prefix}mlp.experts.${expert}.${part}.weight`] = { shape: [rows, columns], data };
    }
    return;
  }
  const isHeads = /^attn_[qk]$/.test(role) && INTERLEAVED.has(architecture);
  const isNorm = role.endsWith("norm");
  const changed = isHeads ? halved(tensor) : isNorm ? withoutOne(architecture, tensor) : tensor;
  tensors[`${prefix}${name}.${kind}`] = changed;
}

/** Gate and up of every expert in one tensor. */
function fuseExperts(tensors: Record<string, HubTensor>): void {
  const layers = new Set(
    Object.keys(tensors).flatMap((name) => /^(model\.layers\.\d+\.)/.exec(name)?.[1] ?? []),
  );
  for (const prefix of layers) {
    const names = Array.from({ length: 8 }, (_, expert) => `${prefix}mlp.experts.${expert}`);
    const parts = names.flatMap((name) =>
      ["gate_proj", "up_proj"].map((part) => tensors[`${name}.${part}.weight`]),
    );
    const data = Float32Array.from(parts.flatMap((part) => [...(part?.data ?? [])]));
    for (const name of names)
      for (const part of ["gate_proj", "up_proj"]) delete tensors[`${name}.${part}.weight`];
    const [rows = 0, columns = 0] = parts[0]?.shape ?? [];
    tensors[`${prefix}block_sparse_moe.input_linear.weight`] = { shape: [8, 2 * rows, columns], data };
  }
}

/** Neighbours of every head back into halves. */
function halved({ shape, data }: HubTensor): HubTensor {
  const columns = shape[1] ?? 0;
  const out = new Float32Array(data.length);
  for (let row = 0; row < data.length / columns; row++) {
    const inside = row % HEAD_DIM;
    const target = row - inside + (inside >> 1) + (inside % 2) * (HEAD_DIM / 2);
    out.set(data.subarray(row * columns, (row + 1) * columns), target * columns);
  }
  return { shape, data: out };
}

/** Gemma's norms lack the 1 that GGUF files include. */
function withoutOne(architecture: string, tensor: HubTensor): HubTensor {
  return architecture === "gemma3" ? { ...tensor, data: tensor.data.map((value) => value - 1) } : tensor;
}

/** Writes a directory with `shards` weight files and answers its path. */
export function writeHubDirectory(name: string, files: HubFiles, shards = 1): string {
  const path = join(tmpdir(), "trimtab-tests", `hub-${name}-${process.pid}`);
  mkdirSync(path, { recursive: true });
  const write = (file: string, value: unknown) => writeFileSync(join(path, file), JSON.stringify(value));
  write("config.json", files.config);
  for (const [file, value] of Object.entries(files.json)) write(file, value);
  const names = Object.keys(files.tensors);
  const shardOf = (i: number) =>
    shards === 1
      ? "model.safetensors"
      : `model-${String((i % shards) + 1).padStart(5, "0")}-of-${shards}.safetensors`;
  for (let shard = 0; shard < shards; shard++) {
    const mine = names.filter((_, i) => shards === 1 || i % shards === shard);
    const tensors = Object.fromEntries(mine.map((one) => [one, files.tensors[one] as HubTensor]));
    writeFileSync(join(path, shardOf(shard)), writeSafetensors(tensors, { format: "pt" }));
  }
  if (shards > 1) {
    const map = Object.fromEntries(names.map((one, i) => [one, shardOf(i)]));
    write("model.safetensors.index.json", { metadata: {}, weight_map: map });
  }
  return path;
}

/** tokenizer.json and its settings for a vocabulary of the 256 bytes, with a template for conversations. */
export function byteTokenizer(): Record<string, unknown> {
  const isPrintable = (byte: number) => (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
  const bytes = Array.from({ length: 256 }, (_, byte) => byte);
  const others = bytes.filter((byte) => !isPrintable(byte));
  const letters = bytes.map((byte) =>
    String.fromCharCode(isPrintable(byte) ? byte : 0x100 + others.indexOf(byte)),
  );
  const template = "{% for m in messages %}<{{ m.role }}>{{ m.content }}\n{% endfor %}";
  return {
    "tokenizer.json": {
      added_tokens: [],
      pre_tokenizer: { type: "ByteLevel", add_prefix_space: false },
      model: {
        type: "BPE",
        vocab: Object.fromEntries(letters.map((letter, id) => [letter, id])),
        merges: [],
      },
    },
    "tokenizer_config.json": { chat_template: template },
  };
}
