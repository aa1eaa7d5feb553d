/**
 * Phi 3 and 4: llama with query, key and value in one matrix, gate and up in one, rotation of halves, a window over all
 * layers where the file names one, and factors of the frequencies that depend on how long the context may become.
 */
import type { Family } from "./family.ts";
import { llama } from "./llama.ts";
import { plainRotation } from "./rotation.ts";

/** Names and constants of `general.architecture = phi3`. */
export const phi3: Family = {
  ...llama,
  architecture: "phi3",
  ropeInterleaved: false,
  layer: { ...llama.layer, qkv: ["attn_qkv.weight"], gateUp: ["ffn_up.weight"] },
  refused: { expert_count: 0 },
  rotations(metadata) {
    const original = metadata.number(
      "rope.scaling.original_context_length",
      metadata.number("context_length"),
    );
    return [
      {
        ...plainRotation(metadata),
        magnitude: metadata.number("rope.scaling.attn_factor", 1),
        factors: [
          { tensor: "rope_factors_short.weight", overTokens: 0 },
          { tensor: "rope_factors_long.weight", overTokens: original },
        ],
      },
    ];
  },
  layerSettings(metadata) {
    const window = metadata.get("attention.sliding_window") ?? 0;
    return { rotation: 0, window: window === 0 ? 0 : metadata.count("attention.sliding_window", 2 ** 24) };
  },
};
