/** Gemma 3, text only: norms lack their 1, five of six layers see a window and rotate with a base of their own. */
import { gemma3 as family } from "../../families/gemma3.ts";
import { unsupported } from "../metadata.ts";
import type { Conversion } from "./conversion.ts";
import type { HubConfig } from "./hub-config.ts";
import { llama } from "./llama.ts";
import { ropeMetadata } from "./rope-scaling.ts";

const BASE = 1_000_000;
const LOCAL_BASE = 10_000;
const PATTERN = 6;
const HEAD_DIM = 256;
/** The 27B model scales scores by its width a head, not by the size of a head. */
const LAYERS_OF_27B = 62;

/** `model_type` gemma3_text. */
export const gemma3: Conversion = {
  ...llama,
  modelType: "gemma3_text",
  family,
  activation: ["hidden_activation", "gelu_pytorch_tanh"],
  isTied: true,
  headDim: HEAD_DIM,
  outputNorm: { norm: "norm.weight" },
  layer: {
    ...llama.layer,
    "attn_norm.weight": { norm: "input_layernorm.weight" },
    "attn_q_norm.weight": { norm: "self_attn.q_norm.weight" },
    "attn_k_norm.weight": { norm: "self_attn.k_norm.weight" },
    "post_attention_norm.weight": { norm: "post_attention_layernorm.weight" },
    "ffn_norm.weight": { norm: "pre_feedforward_layernorm.weight" },
    "post_ffw_norm.weight": { norm: "post_feedforward_layernorm.weight" },
  },
  metadata(config) {
    config.only("final_logit_softcapping");
    config.only("attn_logit_softcapping");
    config.only("use_bidirectional_attention", false);
    if (config.get("num_hidden_layers") !== LAYERS_OF_27B) {
      config.only("query_pre_attn_scalar", config.count("head_dim", HEAD_DIM));
    }
    return {
      ...readBases(config),
      "attention.sliding_window": config.count("sliding_window"),
      "attention.sliding_window_pattern": readPattern(config),
    };
  },
  vectors: () => ({}),
};

/** Newer files keep the two rotations apart, older ones side by side. */
function readBases(config: HubConfig): ReturnType<Conversion["metadata"]> {
  const parameters = config.inside("rope_parameters");
  const [full, local] = [parameters?.inside("full_attention"), parameters?.inside("sliding_attention")];
  if (full && local) {
    local.only("rope_type", "default");
    full.only("rope_type", "default");
    return {
      "rope.freq_base": full.number("rope_theta", BASE),
      "rope.freq_base_swa": local.number("rope_theta", LOCAL_BASE),
    };
  }
  return {
    ...ropeMetadata(config, []),
    "rope.freq_base": config.number("rope_theta", BASE),
    "rope.freq_base_swa": config.number("rope_local_base_freq", LOCAL_BASE),
  };
}

/** Every so many layers one sees everything. */
function readPattern(config: HubConfig): number {
  const types = config.get("layer_types");
  const stated = config.count("sliding_window_pattern", PATTERN);
  if (types === undefined) return stated;
  const first = Array.isArray(types) ? types.indexOf("full_attention") : -1;
  const pattern = first < 0 ? stated : first + 1;
  const isRegular = (type: unknown, layer: number) =>
    type === ((layer + 1) % pattern === 0 ? "full_attention" : "sliding_attention");
  if (Array.isArray(types) && types.every(isRegular)) return pattern;
  throw unsupported(config.path("layer_types"), "layers without a regular pattern");
}
