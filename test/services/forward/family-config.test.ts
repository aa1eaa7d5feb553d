/** Bad values of the keys that only some families have: refused by key, before anything is loaded. */
import { expect, test } from "bun:test";
import { parseGguf } from "#kit/gguf.ts";
import type { GgufInput } from "#kit/gguf-writer.ts";
import { readConfig } from "../../../services/forward/src/model/config.ts";
import { type FamilyModel, familyModelBytes, familyModels } from "../../support/family-models.ts";
import { refusedField } from "../../support/refusal.ts";

type Name = keyof typeof familyModels;

/** How a file is refused in which one key has another value, or none. */
function refusal(name: Name, key: string, value: GgufInput | null) {
  const model: FamilyModel = familyModels[name];
  const { metadata, tensors } = parseGguf(familyModelBytes(model, { seed: 3 }));
  const changed = new Map(metadata);
  const full = `${model.architecture}.${key}`;
  if (value === null) changed.delete(full);
  else changed.set(full, value as never);
  return refusedField(() => readConfig({ metadata: changed, tensors }));
}

const INVALID = "ARTIFACT_INVALID";
const BEYOND = "BACKEND_CAPABILITY";

const cases: readonly [Name, string, GgufInput | null, string][] = [
  ["llama3", "rope.scaling.type", "yarn", BEYOND],
  ["llama3", "attention.sliding_window", 128, BEYOND],
  ["llama3", "attention.value_length", 64, BEYOND],
  ["qwen2", "expert_count", 4, BEYOND],
  ["qwen2", "rope.freq_base", "many", INVALID],
  ["qwen3", "attention.key_length", 40, BEYOND],
  ["qwen3", "attention.key_length", 0, INVALID],
  ["qwen3", "rope.dimension_count", 64, INVALID],
  ["qwen3moe", "expert_count", 7, BEYOND],
  ["qwen3moe", "expert_count", null, INVALID],
  ["qwen3moe", "expert_count", 2_048, INVALID],
  ["qwen3moe", "expert_used_count", 9, INVALID],
  ["qwen3moe", "expert_used_count", 0, INVALID],
  ["qwen3moe", "expert_feed_forward_length", null, INVALID],
  ["qwen3moe", "attention.sliding_window", 8, BEYOND],
  ["gemma3", "final_logit_softcapping", 30, BEYOND],
  ["gemma3", "attn_logit_softcapping", 50, BEYOND],
  ["gemma3", "attention.sliding_window", null, INVALID],
  ["gemma3", "attention.sliding_window", 1.5, INVALID],
  ["gemma3", "attention.sliding_window_pattern", 0, INVALID],
  ["gemma3", "rope.freq_base_swa", -1, INVALID],
  ["smollm3", "attention.sliding_window", 64, BEYOND],
  ["phi3", "rope.scaling.attn_factor", 0, INVALID],
  ["phi3", "rope.scaling.original_context_length", "long", INVALID],
  ["phi3", "attention.sliding_window", "all", INVALID],
  ["phi3", "rope.dimension_count", 12, BEYOND],
  ["phi3", "expert_count", 16, BEYOND],
  ["granitemoe", "embedding_scale", 0, INVALID],
  ["granitemoe", "residual_scale", -1, INVALID],
  ["granitemoe", "logit_scale", "x", INVALID],
  ["granitemoe", "attention.scale", 0, INVALID],
  ["granitemoe", "expert_shared_feed_forward_length", 64, BEYOND],
  ["granitemoe", "rope.scaling.finetuned", false, BEYOND],
];

test.each(cases)("%s: %s = %p is refused by that key", (name, key, value, reason) => {
  const { architecture } = familyModels[name];
  expect(refusal(name, key, value)).toEqual({ reason, field: `${architecture}.${key}` });
});

test("linear scaling without a factor is refused by the factor's key", () => {
  const model: FamilyModel = { ...familyModels.qwen3, metadata: { "rope.scaling.type": "linear" } };
  const { metadata, tensors } = parseGguf(familyModelBytes(model));
  expect(() => readConfig({ metadata, tensors })).toThrow("qwen3.rope.scaling.factor");
});

test.each([
  ["gemma3", "post_ffw_norm.weight"],
  ["qwen3", "attn_k_norm.weight"],
  ["qwen2", "attn_v.bias"],
  ["granitemoe", "ffn_gate_inp.weight"],
] as const)("%s without %s is refused by that tensor", (name, tensor) => {
  const { metadata, tensors } = parseGguf(familyModelBytes(familyModels[name], { without: [tensor] }));
  expect(() => readConfig({ metadata, tensors })).toThrow(`blk.0.${tensor}`);
});
