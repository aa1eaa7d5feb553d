/** Qwen 2, 2.5, 3 and the mixtures of Qwen 3. */
import { qwen2 as qwen2Family } from "../../families/qwen2.ts";
import { qwen3 as qwen3Family } from "../../families/qwen3.ts";
import { qwen3moe as qwen3moeFamily } from "../../families/qwen3moe.ts";
import type { Conversion } from "./conversion.ts";
import { attention, llama } from "./llama.ts";
import { ropeMetadata } from "./rope-scaling.ts";

/** `model_type` qwen2. */
export const qwen2: Conversion = {
  ...llama,
  modelType: "qwen2",
  family: qwen2Family,
  layer: {
    ...llama.layer,
    "attn_q.bias": { heads: "self_attn.q_proj.bias" },
    "attn_k.bias": { heads: "self_attn.k_proj.bias" },
    "attn_v.bias": { from: "self_attn.v_proj.bias" },
  },
  metadata(config) {
    config.only("use_sliding_window", false);
    return ropeMetadata(config, []);
  },
  vectors: () => ({}),
};

const headNorms = {
  "attn_q_norm.weight": { from: "self_attn.q_norm.weight" },
  "attn_k_norm.weight": { from: "self_attn.k_norm.weight" },
};

/** `model_type` qwen3. */
export const qwen3: Conversion = {
  ...qwen2,
  modelType: "qwen3",
  family: qwen3Family,
  headDim: 128,
  layer: { ...llama.layer, ...headNorms },
};

/** `model_type` qwen3_moe: every layer has experts, whose weights are normalized. */
export const qwen3moe: Conversion = {
  ...qwen3,
  modelType: "qwen3_moe",
  family: qwen3moeFamily,
  headDim: null,
  layer: {
    ...attention,
    ...headNorms,
    "ffn_gate_inp.weight": { from: "mlp.gate.weight" },
    "ffn_gate_exps.weight": { experts: (expert) => `mlp.experts.${expert}.gate_proj.weight` },
    "ffn_up_exps.weight": { experts: (expert) => `mlp.experts.${expert}.up_proj.weight` },
    "ffn_down_exps.weight": { experts: (expert) => `mlp.experts.${expert}.down_proj.weight` },
  },
  metadata(config) {
    config.only("decoder_sparse_step", 1);
    config.only("mlp_only_layers", []);
    config.only("norm_topk_prob", true);
    return {
      ...qwen3.metadata(config),
      expert_count: config.count("num_experts"),
      expert_used_count: config.count("num_experts_per_tok"),
      expert_feed_forward_length: config.count("moe_intermediate_size"),
    };
  },
};
