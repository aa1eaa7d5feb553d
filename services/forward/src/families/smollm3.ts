/** SmolLM 3: llama whose every fourth layer does not rotate queries and keys (NoPE). */
import type { Family } from "./family.ts";
import { llama } from "./llama.ts";

const NOPE_EVERY = 4;

/** Names and constants of `general.architecture = smollm3`. */
export const smollm3: Family = {
  ...llama,
  architecture: "smollm3",
  layerSettings: (_, layer) => ({ rotation: (layer + 1) % NOPE_EVERY === 0 ? null : 0, window: 0 }),
};
