/** Model files whose metadata and tensors contradict each other, or ask for what this build does not do. */
import { expect, test } from "bun:test";
import { parseGguf } from "#kit/gguf.ts";
import { kvPageBytes } from "#kernels";
import { readConfig } from "../../../services/forward/src/model/config.ts";
import type { PlanOptions } from "../../../services/forward/src/model/plan.ts";
import { planMemory } from "../../../services/forward/src/model/plan.ts";
import { syntheticModel } from "../../support/synthetic-model.ts";
import { refusedField } from "../../support/refusal.ts";

type Metadata = NonNullable<Parameters<typeof syntheticModel>[0]>["metadata"];
const PLAN: PlanOptions = {
  kvKindOf: () => "int8",
  kvBytes: null,
  contextTokens: null,
  rowBudget: 256,
  logitRows: 32,
};
const header = (metadata: Metadata = {}, layers = 4) => parseGguf(syntheticModel({ metadata, layers }));

test("a sound file is read as it is written", () => {
  expect(readConfig(header())).toMatchObject({
    ...{ name: "synthetic", layers: 4, width: 64, heads: 4, kvHeads: 2, headDim: 32, headsWidth: 128 },
    ...{
      feedForward: 128,
      vocabulary: 256,
      contextTokens: 8192,
      rotary: 32,
      rotations: [{ base: 10_000, stretch: 1, magnitude: 1 }],
      scales: { embedding: 1, residual: 1, scores: 1 / Math.sqrt(32), logits: 1 },
      tiedHead: true,
      stopIds: [2],
    },
  });
});

const contradictions: [string, Metadata, string][] = [
  ["heads that do not divide", { "llama.attention.head_count_kv": 3 }, "llama.attention.head_count_kv"],
  ["more layers than tensors", { "llama.block_count": 5 }, "blk.4.attn_norm.weight"],
  ["fewer layers than tensors", { "llama.block_count": 3 }, "blk.3.attn_norm.weight"],
  ["another width", { "llama.embedding_length": 96 }, "token_embd.weight"],
  ["another MLP", { "llama.feed_forward_length": 64 }, "blk.0.ffn_gate.weight"],
  [
    "no epsilon",
    { "llama.attention.layer_norm_rms_epsilon": undefined },
    "llama.attention.layer_norm_rms_epsilon",
  ],
  ["a rope base of 0", { "llama.rope.freq_base": { f32: 0 } }, "llama.rope.freq_base"],
  ["fewer tokens than rows", { "tokenizer.ggml.tokens": ["a", "b"] }, "tokenizer.ggml.tokens"],
  [
    "an end token outside the vocabulary",
    { "tokenizer.ggml.eos_token_id": 256 },
    "tokenizer.ggml.eos_token_id",
  ],
  ["a layer count that is no number", { "llama.block_count": "four" }, "llama.block_count"],
];
for (const [name, metadata, field] of contradictions) {
  test(`A7 refused as invalid: ${name}`, () => {
    expect(refusedField(() => readConfig(header(metadata)))).toEqual({ reason: "ARTIFACT_INVALID", field });
  });
}

const unsupported: [string, Metadata, string][] = [
  ["another architecture", { "general.architecture": "mamba" }, "general.architecture"],
  ["experts", { "llama.expert_count": 8 }, "llama.expert_count"],
  ["scaled rotation", { "llama.rope.scaling.type": "yarn" }, "llama.rope.scaling.type"],
  ["rotating 12 dims", { "llama.rope.dimension_count": 12 }, "llama.rope.dimension_count"],
  ["odd heads", { "llama.attention.key_length": 24 }, "llama.attention.key_length"],
];
for (const [name, metadata, field] of unsupported) {
  test(`A7 refused as beyond this build: ${name}`, () => {
    expect(refusedField(() => readConfig(header(metadata)))).toEqual({ reason: "BACKEND_CAPABILITY", field });
  });
}

test("regions of the plan do not overlap, and hold what was asked for", () => {
  const file = header();
  const plan = planMemory(file, readConfig(file), PLAN);
  const regions = Object.values(plan.regions).toSorted((a, b) => a.pointer - b.pointer);
  let end = plan.weights.end;
  for (const { pointer, sizeBytes } of regions) {
    expect(pointer).toBeGreaterThanOrEqual(end);
    expect(pointer % 64).toBe(0);
    end = pointer + sizeBytes;
  }
  expect(plan.totalBytes).toBe(end);
  expect(plan.pages).toBe((16 * 1024) / 32);
  expect(plan.regions.kv.sizeBytes).toBe(plan.pages * plan.kv.pageBytes);
});

test("X12 a plan over 3.75 GiB is refused before anything is loaded, one without a page too", () => {
  const file = header();
  const config = readConfig(file);
  const plan = (kvBytes: number) => refusedField(() => planMemory(file, config, { ...PLAN, kvBytes }));
  expect(plan(3.8 * 2 ** 30).reason).toBe("OUT_OF_MEMORY");
  expect(plan(100)).toEqual({ reason: "FIELD_OUT_OF_RANGE", field: "kv_bytes" });
  const choice = (options: Partial<PlanOptions>) =>
    refusedField(() => planMemory(file, config, { ...PLAN, ...options }));
  for (const rowBudget of [0, 4097, 1.5, Number.NaN]) {
    expect(choice({ rowBudget })).toEqual({ reason: "FIELD_OUT_OF_RANGE", field: "row_budget" });
  }
  for (const contextTokens of [0, -1, 2 ** 25]) {
    expect(choice({ contextTokens })).toEqual({ reason: "FIELD_OUT_OF_RANGE", field: "context_tokens" });
  }
});

test("a page of layers stored differently holds each apart, in about the bytes they need", () => {
  const file = header({}, 6);
  const config = readConfig(file);
  const kinds = ["int8", "int16", "int8", "int8", "int16", "int8"] as const;
  const { layers, pageBytes } = planMemory(file, config, { ...PLAN, kvKindOf: (l) => kinds[l] ?? "int8" }).kv;
  const bytesOf = (kind: "int8" | "int16") => kvPageBytes({ ...layers[0]!.shape, layers: 1, kind });
  const ranges = layers.map(({ shape, slot }) => {
    const bytes = bytesOf(shape.kind);
    return { from: slot * bytes, end: (slot + 1) * bytes };
  });
  let end = 0;
  for (const range of ranges.toSorted((a, b) => a.from - b.from)) {
    expect(range.from).toBeGreaterThanOrEqual(end);
    end = range.end;
  }
  expect(end).toBe(pageBytes);
  expect(pageBytes - 4 * bytesOf("int8") - 2 * bytesOf("int16")).toBeLessThan(bytesOf("int8"));
});
