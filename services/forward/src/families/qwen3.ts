/** Qwen 3: llama with a norm on every query and key head, heads of a size of their own, and rotation of halves. */
import type { Family } from "./family.ts";
import { llama } from "./llama.ts";

/** Names and constants of `general.architecture = qwen3`. */
export const qwen3: Family = {
  ...llama,
  architecture: "qwen3",
  ropeInterleaved: false,
  layer: { ...llama.layer, queryNorm: "attn_q_norm.weight", keyNorm: "attn_k_norm.weight" },
};
