/** The architectures this build can run. */
import type { Family } from "./family.ts";
import { gemma3 } from "./gemma3.ts";
import { granitemoe } from "./granitemoe.ts";
import { llama } from "./llama.ts";
import { phi3 } from "./phi3.ts";
import { qwen2 } from "./qwen2.ts";
import { qwen3 } from "./qwen3.ts";
import { qwen3moe } from "./qwen3moe.ts";
import { smollm3 } from "./smollm3.ts";

const all: readonly Family[] = [llama, qwen2, qwen3, qwen3moe, gemma3, smollm3, phi3, granitemoe];

/** Families by `general.architecture`. */
export const families: ReadonlyMap<string, Family> = new Map(
  all.map((family) => [family.architecture, family]),
);
