/** Granite 3 mixtures: experts of one layer lie in one tensor, gate and up in one. */
import { granitemoe as family } from "../../families/granitemoe.ts";
import type { Conversion } from "./conversion.ts";
import { attention, llama } from "./llama.ts";
import { ropeMetadata } from "./rope-scaling.ts";

const INPUT = "block_sparse_moe.input_linear.weight";

/** `model_type` granitemoe. */
export const granitemoe: Conversion = {
  ...llama,
  modelType: "granitemoe",
  family,
  layer: {
    ...attention,
    "ffn_gate_inp.weight": { from: "block_sparse_moe.router.layer.weight" },
    "ffn_gate_exps.weight": { half: 0, of: INPUT },
    "ffn_up_exps.weight": { half: 1, of: INPUT },
    "ffn_down_exps.weight": { from: "block_sparse_moe.output_linear.weight" },
  },
  metadata: (config) => ({
    ...ropeMetadata(config, []),
    expert_count: config.count("num_local_experts"),
    expert_used_count: config.count("num_experts_per_tok"),
    embedding_scale: config.number("embedding_multiplier", 1),
    residual_scale: config.number("residual_multiplier", 1),
    "attention.scale": config.number("attention_multiplier", 1),
    logit_scale: config.number("logits_scaling", 1),
  }),
  vectors: () => ({}),
};
