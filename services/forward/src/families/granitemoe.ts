/** Granite 3 mixtures of experts: llama with a router, and constant factors on embedding, residual, scores and logits. */
import type { Family } from "./family.ts";
import { llama } from "./llama.ts";
import { mixtureTensors } from "./mixture.ts";

/** Names and constants of `general.architecture = granitemoe`. */
export const granitemoe: Family = {
  ...llama,
  architecture: "granitemoe",
  layer: { ...llama.layer, ...mixtureTensors },
  refused: {
    "attention.sliding_window": 0,
    expert_shared_feed_forward_length: 0,
    "rope.scaling.finetuned": true,
  },
  scales: (metadata) => ({
    embedding: metadata.number("embedding_scale", 1),
    residual: metadata.number("residual_scale", 1),
    ...(metadata.get("attention.scale") === undefined ? {} : { scores: metadata.number("attention.scale") }),
    logits: 1 / metadata.number("logit_scale", 1),
  }),
};
