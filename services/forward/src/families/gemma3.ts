/**
 * Gemma 3 (text): five of six layers see a window and rotate with a base of their own; norms on query and key heads and
 * on what is added to the residual stream; GELU; embedding times sqrt(width). The norm weights of the file already
 * include the 1 that the model adds.
 */
import type { Family } from "./family.ts";
import { llama } from "./llama.ts";
import { plainRotation } from "./rotation.ts";

/** Every so many layers one sees everything. */
const DEFAULT_PATTERN = 6;
const LOCAL_BASE = 10_000;
/** The 27B model scales scores by its width a head, not by the size of a head. */
const LAYERS_OF_27B = 62;

/** Names and constants of `general.architecture = gemma3`. */
export const gemma3: Family = {
  ...llama,
  architecture: "gemma3",
  ropeInterleaved: false,
  activation: "gelu",
  layer: {
    ...llama.layer,
    queryNorm: "attn_q_norm.weight",
    keyNorm: "attn_k_norm.weight",
    attentionPostNorm: "post_attention_norm.weight",
    mlpPostNorm: "post_ffw_norm.weight",
  },
  refused: { expert_count: 0, final_logit_softcapping: 0, attn_logit_softcapping: 0 },
  rotations: (metadata) => [
    { ...plainRotation(metadata), base: metadata.number("rope.freq_base", 1_000_000) },
    { base: metadata.number("rope.freq_base_swa", LOCAL_BASE), stretch: 1, magnitude: 1, factors: [] },
  ],
  layerSettings(metadata, layer) {
    const pattern = metadata.count("attention.sliding_window_pattern", 1_024, DEFAULT_PATTERN);
    if ((layer + 1) % pattern === 0) return { rotation: 0, window: 0 };
    return { rotation: 1, window: metadata.count("attention.sliding_window", 2 ** 24) };
  },
  scales(metadata) {
    const width = metadata.number("embedding_length");
    const embedding = Math.fround(Math.sqrt(width));
    if (metadata.get("block_count") !== LAYERS_OF_27B) return { embedding };
    return { embedding, scores: 1 / Math.sqrt(width / metadata.number("attention.head_count")) };
  },
};
