/** Qwen 3 mixtures of experts: qwen3 with a router and experts of their own width. */
import type { Family } from "./family.ts";
import { mixtureTensors } from "./mixture.ts";
import { qwen3 } from "./qwen3.ts";

/** Names and constants of `general.architecture = qwen3moe`. */
export const qwen3moe: Family = {
  ...qwen3,
  architecture: "qwen3moe",
  layer: { ...qwen3.layer, ...mixtureTensors },
  feedForwardKey: "expert_feed_forward_length",
  refused: { "attention.sliding_window": 0 },
};
