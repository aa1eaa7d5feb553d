/**
 * The llama family (Llama 1–3, SmolLM, TinyLlama …) as llama.cpp's converter writes it: RMSNorm before attention and
 * MLP, RoPE on permuted query and key rows, SwiGLU, no biases.
 */
import type { Family } from "./family.ts";

/** Names and constants of `general.architecture = llama`. */
export const llama: Family = {
  architecture: "llama",
  embedding: "token_embd.weight",
  outputNorm: "output_norm.weight",
  head: "output.weight",
  layer: {
    attentionNorm: "attn_norm.weight",
    query: "attn_q.weight",
    key: "attn_k.weight",
    value: "attn_v.weight",
    attentionOutput: "attn_output.weight",
    mlpNorm: "ffn_norm.weight",
    gate: "ffn_gate.weight",
    up: "ffn_up.weight",
    down: "ffn_down.weight",
  },
  layerPrefix: (layer) => `blk.${layer}.`,
  normEpsilonKey: "attention.layer_norm_rms_epsilon",
  ropeInterleaved: true,
  embeddingScale: 1,
  refused: { expert_count: 0, "rope.scaling.type": "none", "attention.sliding_window": 0 },
  ropeFactors: "rope_freqs.weight",
};
