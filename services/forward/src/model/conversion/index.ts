/** The families that can be read from directories, by `model_type`. */
import type { Conversion } from "./conversion.ts";
import { gemma3 } from "./gemma3.ts";
import { granitemoe } from "./granitemoe.ts";
import { llama, smollm3 } from "./llama.ts";
import { phi3 } from "./phi3.ts";
import { qwen2, qwen3, qwen3moe } from "./qwen.ts";

const all: readonly Conversion[] = [llama, qwen2, qwen3, qwen3moe, gemma3, smollm3, phi3, granitemoe];

/** Conversions by `model_type`. */
export const conversions: ReadonlyMap<string, Conversion> = new Map(all.map((one) => [one.modelType, one]));
