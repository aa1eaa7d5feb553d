/** Llama and SmolLM 3. The other tables spread this one. */
import { llama as family } from "../../families/llama.ts";
import { smollm3 as smollm3Family } from "../../families/smollm3.ts";
import { unsupported } from "../metadata.ts";
import type { Conversion, Source } from "./conversion.ts";
import { llama3Factors, ropeMetadata } from "./rope-scaling.ts";

/** Attention and norms as most families name them. */
export const attention: Readonly<Record<string, Source>> = {
  "attn_norm.weight": { from: "input_layernorm.weight" },
  "attn_q.weight": { heads: "self_attn.q_proj.weight" },
  "attn_k.weight": { heads: "self_attn.k_proj.weight" },
  "attn_v.weight": { from: "self_attn.v_proj.weight" },
  "attn_output.weight": { from: "self_attn.o_proj.weight" },
  "ffn_norm.weight": { from: "post_attention_layernorm.weight" },
};

const mlp: Readonly<Record<string, Source>> = {
  "ffn_gate.weight": { from: "mlp.gate_proj.weight" },
  "ffn_up.weight": { from: "mlp.up_proj.weight" },
  "ffn_down.weight": { from: "mlp.down_proj.weight" },
};

/** `model_type` llama: Llama 1–3, SmolLM, TinyLlama … */
export const llama: Conversion = {
  modelType: "llama",
  family,
  activation: ["hidden_act", "silu", "swish"],
  isTied: false,
  headDim: null,
  outputNorm: { from: "norm.weight" },
  layer: { ...attention, ...mlp },
  metadata: (config) => ropeMetadata(config, ["llama3"]),
  vectors: (config) => llama3Factors(config, headDimOf(config)),
};

/** `model_type` smollm3: every fourth layer does not rotate, which is what the family computes. */
export const smollm3: Conversion = {
  ...llama,
  modelType: "smollm3",
  family: smollm3Family,
  isTied: true,
  metadata(config) {
    config.only("use_sliding_window", false);
    config.only("no_rope_layer_interval", 4);
    const rotates = config.get("no_rope_layers");
    const isUsual = (value: unknown, layer: number) => Boolean(value) === ((layer + 1) % 4 !== 0);
    if (rotates !== undefined && !(Array.isArray(rotates) && rotates.every(isUsual))) {
      throw unsupported(config.path("no_rope_layers"), "another pattern than every fourth layer");
    }
    return ropeMetadata(config, []);
  },
  vectors: () => ({}),
};

function headDimOf(config: Parameters<Conversion["vectors"]>[0]): number {
  return config.count("head_dim", config.count("hidden_size") / config.count("num_attention_heads"));
}
