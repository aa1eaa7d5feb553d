/** Directories that lack something, contradict themselves, reach outside or ask for arithmetic we do not do. */
import { afterAll, expect, test } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readConfig } from "../../../services/forward/src/model/config.ts";
import { openModel } from "../../../services/forward/src/model/model-file.ts";
import { type FamilyModel, familyModelBytes, familyModels } from "../../support/family-models.ts";
import { type HubFiles, hubFilesOf, writeHubDirectory } from "../../support/hub-directory.ts";
import { refusedField } from "../../support/refusal.ts";

type Family = keyof typeof familyModels;
const made = new Map<Family, HubFiles>();
const paths: string[] = [];
afterAll(() => paths.forEach((path) => rmSync(path, { recursive: true, force: true })));

function filesOf(family: Family): HubFiles {
  const model: FamilyModel = { ...(familyModels[family] as FamilyModel), layers: 2, otherTensors: {} };
  const files = made.get(family) ?? hubFilesOf(model, familyModelBytes(model));
  made.set(family, files);
  return { config: { ...files.config }, tensors: { ...files.tensors }, json: {} };
}

/** How a directory is refused after `change`; `spoil` edits the files on disk. */
function refusal(
  family: Family,
  change: (files: HubFiles) => void,
  spoil?: (path: string) => void,
  shards = 1,
) {
  const files = filesOf(family);
  change(files);
  const path = writeHubDirectory(`bad-${paths.length}`, files, shards);
  paths.push(path);
  spoil?.(path);
  return refusedField(() => {
    const file = openModel(path);
    readConfig(file.header);
    file.close();
  });
}

const Q = "model.layers.0.self_attn.q_proj.weight";
const invalid = (field: string) => ({ reason: "ARTIFACT_INVALID" as const, field });
const unsupported = (field: string) => ({ reason: "BACKEND_CAPABILITY" as const, field });
const llama = (change: (files: HubFiles) => void) => refusal("llama3", change);

test.each([
  "hidden_size",
  "intermediate_size",
  "num_hidden_layers",
  "num_attention_heads",
  "max_position_embeddings",
  "rms_norm_eps",
  "vocab_size",
])("a configuration without %s is refused by that key", (key) => {
  expect(llama(({ config }) => delete config[key])).toEqual(invalid(`config.${key}`));
});

test.each([
  ["hidden_size", "many"],
  ["num_hidden_layers", 2.5],
  ["num_hidden_layers", -1],
  ["rms_norm_eps", 0],
  ["tie_word_embeddings", "no"],
  ["rope_scaling", 4],
  ["vocab_size", 1e9],
] as const)("config.%s: %p is refused by that key", (key, value) => {
  expect(llama(({ config }) => (config[key] = value))).toEqual(invalid(`config.${key}`));
});

test.each([
  ["llama3", "model_type", "mamba", "model_type"],
  ["llama3", "hidden_act", "relu", "hidden_act"],
  ["llama3", "quantization_config", { quant_method: "gptq" }, "quantization_config"],
  ["llama3", "rope_scaling", { rope_type: "yarn", factor: 4 }, "rope_scaling.rope_type"],
  ["llama3", "layer_types", ["full_attention", "sliding_attention"], "layer_types"],
  ["qwen2", "use_sliding_window", true, "use_sliding_window"],
  ["qwen3moe", "norm_topk_prob", false, "norm_topk_prob"],
  ["qwen3moe", "mlp_only_layers", [0], "mlp_only_layers"],
  ["gemma3", "final_logit_softcapping", 30, "final_logit_softcapping"],
  ["gemma3", "query_pre_attn_scalar", 100, "query_pre_attn_scalar"],
  ["gemma3", "layer_types", ["full_attention", "sliding_attention"], "layer_types"],
  ["smollm3", "no_rope_layers", [1, 0], "no_rope_layers"],
] as const)("%s: %s = %p is refused as beyond this build", (family, key, value, field) => {
  expect(refusal(family, ({ config }) => (config[key] = value))).toEqual(unsupported(`config.${field}`));
});

test("tensors: a missing one, a wrong shape, one nobody reads, another number of experts", () => {
  expect(llama(({ tensors }) => delete tensors[Q])).toEqual(invalid(Q));
  expect(llama(({ tensors }) => delete tensors["lm_head.weight"])).toEqual(invalid("lm_head.weight"));
  const small = { shape: [64, 32], data: new Float32Array(2_048) };
  expect(llama(({ tensors }) => (tensors[Q] = small))).toEqual(invalid(Q));
  const bias = "model.layers.1.mlp.gate_proj.bias";
  const vector = { shape: [96], data: new Float32Array(96) };
  expect(llama(({ tensors }) => (tensors[bias] = vector))).toEqual(unsupported(bias));
  const expert = "model.layers.0.mlp.experts.7.up_proj.weight";
  expect(refusal("qwen3moe", ({ tensors }) => delete tensors[expert])).toEqual(invalid(expert));
  expect(refusal("qwen3moe", ({ tensors }) => (tensors[expert] = small))).toEqual(invalid(expert));
});

test("an index that names an absent file, another place, nothing or a file elsewhere is refused", () => {
  const INDEX = "model.safetensors.index.json";
  const with3 = (spoil: (path: string) => void) => refusal("llama3", () => undefined, spoil, 3);
  const shard = "model-00002-of-3.safetensors";
  expect(with3((path) => rmSync(join(path, shard)))).toEqual(invalid(shard));
  const rewrite = (map: unknown) => (path: string) =>
    writeFileSync(join(path, INDEX), JSON.stringify({ weight_map: map }));
  expect(with3(rewrite({}))).toEqual(invalid(`${INDEX}.weight_map`));
  expect(with3(rewrite([]))).toEqual(invalid(`${INDEX}.weight_map`));
  expect(with3(rewrite({ [Q]: "model-00001-of-3.safetensors" })).reason).toBe("ARTIFACT_INVALID");
  for (const name of ["../a.safetensors", "/etc/a.safetensors", "b/a.safetensors", "a.bin", "..", 3]) {
    expect(with3(rewrite({ [Q]: name }))).toEqual(invalid(`${INDEX}.weight_map.${Q}`));
  }
});

test("weights that overlap, are cut or are no floats are refused by tensor", () => {
  const header = (entries: Record<string, unknown>) => (path: string) => {
    const json = Buffer.from(JSON.stringify(entries));
    const length = new Uint8Array(BigUint64Array.of(BigInt(json.length)).buffer);
    writeFileSync(join(path, "model.safetensors"), Buffer.concat([length, json, new Uint8Array(64)]));
  };
  const f32 = (start: number, dtype = "F32") => ({ dtype, shape: [8], data_offsets: [start, start + 32] });
  const spoilt = (entries: Record<string, unknown>) => refusal("llama3", () => undefined, header(entries));
  expect(spoilt({ a: f32(0), b: f32(16) })).toEqual(invalid("b"));
  expect(spoilt({ a: f32(0), b: f32(64) })).toEqual(invalid("b"));
  const name = "model.embed_tokens.weight";
  expect(spoilt({ [name]: f32(0, "I32"), b: f32(32) })).toEqual(unsupported(name));
});

test("a configuration that is no JSON object, repeats a key or is too deep is refused", () => {
  const text = (content: string) => (path: string) => writeFileSync(join(path, "config.json"), content);
  for (const content of ["", "[]", "{", '{"a":1,"a":2}', `{"a":${"[".repeat(99)}${"]".repeat(99)}}`]) {
    expect(refusal("llama3", () => undefined, text(content))).toEqual(invalid("config.json"));
  }
});
