/** Qwen 2 and 2.5: llama with biases on query, key and value, and rotation of halves. */
import type { Family } from "./family.ts";
import { llama } from "./llama.ts";

/** Names and constants of `general.architecture = qwen2`. */
export const qwen2: Family = {
  ...llama,
  architecture: "qwen2",
  ropeInterleaved: false,
  // In some layers a few biases of keys are a hundred times the others: in blocks of int8 nothing is left of those.
  kvKind: "by_key_bias",
  layer: { ...llama.layer, qkvBias: ["attn_q.bias", "attn_k.bias", "attn_v.bias"] },
};
