/** Model files whose metadata and tensors contradict each other, or ask for what this build does not do. */
import { expect, test } from "bun:test";
import type { TrimtabError } from "#kit/errors.ts";
import { parseGguf } from "#kit/gguf.ts";
import { readConfig } from "../../../services/forward/src/model/config.ts";
import type { PlanOptions } from "../../../services/forward/src/model/plan.ts";
import { planMemory } from "../../../services/forward/src/model/plan.ts";
import { syntheticModel } from "../../support/synthetic-model.ts";

type Metadata = NonNullable<Parameters<typeof syntheticModel>[0]>["metadata"];
const PLAN: PlanOptions = {
  kvKind: "int8",
  kvBytes: null,
  contextTokens: null,
  rowBudget: 256,
  logitRows: 32,
};
const header = (metadata: Metadata = {}, layers = 4) => parseGguf(syntheticModel({ metadata, layers }));

function refusal(run: () => unknown): Pick<TrimtabError, "reason" | "field"> {
  try {
    run();
  } catch (error) {
    const { reason, field } = error as TrimtabError;
    return { reason, field };
  }
  throw new Error("expected a refusal");
}

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
  test(`refused as invalid: ${name}`, () => {
    expect(refusal(() => readConfig(header(metadata)))).toEqual({ reason: "ARTIFACT_INVALID", field });
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
  test(`refused as beyond this build: ${name}`, () => {
    expect(refusal(() => readConfig(header(metadata)))).toEqual({ reason: "BACKEND_CAPABILITY", field });
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
  expect(plan.regions.kv.sizeBytes).toBe(plan.pages * plan.pageBytes);
});

test("a plan over 3.75 GiB is refused before anything is loaded, one without a page too", () => {
  const file = header();
  const config = readConfig(file);
  const plan = (kvBytes: number) => refusal(() => planMemory(file, config, { ...PLAN, kvBytes }));
  expect(plan(3.8 * 2 ** 30).reason).toBe("OUT_OF_MEMORY");
  expect(plan(100)).toEqual({ reason: "FIELD_OUT_OF_RANGE", field: "kv_bytes" });
});
