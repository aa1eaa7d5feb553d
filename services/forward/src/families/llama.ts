/**
 * The llama family (Llama 1–3, SmolLM, TinyLlama …) as llama.cpp's converter writes it: RMSNorm before attention and
 * MLP, RoPE on permuted query and key rows, SwiGLU, no biases. The other families are this one with differences.
 */
import type { Family } from "./family.ts";
import { plainRotation } from "./rotation.ts";

/** Names and constants of `general.architecture = llama`. */
export const llama: Family = {
  architecture: "llama",
  embedding: "token_embd.weight",
  outputNorm: "output_norm.weight",
  head: "output.weight",
  layer: {
    attentionNorm: "attn_norm.weight",
    qkv: ["attn_q.weight", "attn_k.weight", "attn_v.weight"],
    qkvBias: [],
    queryNorm: null,
    keyNorm: null,
    attentionOutput: "attn_output.weight",
    attentionPostNorm: null,
    mlpNorm: "ffn_norm.weight",
    router: null,
    gateUp: ["ffn_gate.weight", "ffn_up.weight"],
    down: "ffn_down.weight",
    mlpPostNorm: null,
  },
  layerPrefix: (layer) => `blk.${layer}.`,
  normEpsilonKey: "attention.layer_norm_rms_epsilon",
  feedForwardKey: "feed_forward_length",
  ropeInterleaved: true,
  activation: "silu",
  kvKind: "int8",
  refused: { expert_count: 0, "attention.sliding_window": 0 },
  rotations: (metadata) => [plainRotation(metadata)],
  layerSettings: () => ({ rotation: 0, window: 0 }),
  scales: () => ({}),
};
