/** Phi 3 and 4: fused matrices, partial rotation, factors of the frequencies for short and for long contexts. */
import type { GgufValue } from "#kit/gguf-values.ts";
import { phi3 as family } from "../../families/phi3.ts";
import type { Conversion } from "./conversion.ts";
import type { HubConfig } from "./hub-config.ts";
import { llama } from "./llama.ts";
import { readRope, ropeMetadata } from "./rope-scaling.ts";

/** The types of scaling that come with short and long factors. */
const LONG = ["longrope", "su"];

/** `model_type` phi3. */
export const phi3: Conversion = {
  ...llama,
  modelType: "phi3",
  family,
  layer: {
    "attn_norm.weight": { from: "input_layernorm.weight" },
    "attn_qkv.weight": { from: "self_attn.qkv_proj.weight" },
    "attn_output.weight": { from: "self_attn.o_proj.weight" },
    "ffn_norm.weight": { from: "post_attention_layernorm.weight" },
    "ffn_up.weight": { from: "mlp.gate_up_proj.weight" },
    "ffn_down.weight": { from: "mlp.down_proj.weight" },
  },
  metadata: (config) => ({
    ...ropeMetadata(config, LONG),
    ...longContext(config),
    ...(config.get("sliding_window") === undefined
      ? {}
      : { "attention.sliding_window": config.count("sliding_window") }),
  }),
  vectors(config): Record<string, Float32Array> {
    const { type, scaling } = readRope(config);
    if (!LONG.includes(type)) return {};
    return {
      "rope_factors_short.weight": Float32Array.from(scaling.numbers("short_factor")),
      "rope_factors_long.weight": Float32Array.from(scaling.numbers("long_factor")),
    };
  },
};

/** The context the model was first trained on, and the factor on cosine and sine that its extension asks for. */
function longContext(config: HubConfig): Record<string, GgufValue> {
  const { type, scaling } = readRope(config);
  if (!LONG.includes(type)) return {};
  const context = config.count("max_position_embeddings");
  const original = scaling.count(
    "original_max_position_embeddings",
    config.count("original_max_position_embeddings", context),
  );
  const stretch = context / original;
  const usual = stretch > 1 ? Math.sqrt(1 + Math.log(stretch) / Math.log(original)) : 1;
  return {
    "rope.scaling.original_context_length": original,
    "rope.scaling.attn_factor": scaling.number("attention_factor", usual),
  };
}
