/** Weights from outside: heads that do not fit, and weights that would leave a request unsteered or overdosed, are refused. */
import { expect, spyOn, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import * as ort from "onnxruntime-web";
import { writeMlp } from "#kit/onnx-write.ts";
import { SteeringUseSchema } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { checkHead } from "../../../services/steering/src/arms.ts";
import { type ControllerRunner, loadController } from "../../../services/steering/src/controller/artifact.ts";
import { CONSTANT_COURSE } from "../../../services/steering/src/course.ts";
import { createDecider } from "../../../services/steering/src/decider.ts";
import type { Direction } from "../../../services/steering/src/direction.ts";
import { resolveIntent } from "../../../services/steering/src/plan.ts";
import { refusedField } from "../../support/refusal.ts";

const direction: Direction = {
  modelDigest: "ab".repeat(32),
  method: "response_contrast",
  layers: 3,
  width: 2,
  raw: new Map([0, 1, 2].map((layer) => [layer, Float32Array.of(3, 4)])),
  medianResidualNorms: Float32Array.of(10, 20, 40),
};
const doses = [{ layer: 1, relative: 0.2 }];
const recipe = { direction, ending: direction, doses, course: CONSTANT_COURSE };
const HEAD = "steering.weights.head";

const runner = (more: Partial<ControllerRunner> = {}): ControllerRunner => ({
  ...{ modelDigest: direction.modelDigest, layers: 3, width: 2, featureLayers: [2] },
  head: { method: "imported", meanWeights: [0.5, 0.5, 0.5] },
  run: async () => ({ gate: 1, layerWeights: Float32Array.of(0.5, 0.5, 0.5) }),
  close: async () => undefined,
  ...more,
});

test.each([
  ["no weight at all", [0, 0, 0]],
  ["a weight below 0", [5, -4.9, 0.5]],
  ["a weight above 1", [0.5, 0.5, 80]],
])("%s is refused, not left unsteered or spread", (_name, weights) => {
  const use = create(SteeringUseSchema, { recipe: "r", weights: { arm: "learned", head: "h" } });
  const arm = { source: "learned" as const, weights: Float32Array.from(weights) };
  expect(refusedField(() => resolveIntent({ kind: "recipe", recipe }, use, arm))).toEqual({
    reason: "ARTIFACT_INVALID",
    field: HEAD,
  });
});

test.each([
  ["blocks", { layers: 2 }],
  ["width", { width: 4 }],
  ["digest", { modelDigest: "cd".repeat(32) }],
])("a head of a model of another %s is refused", (_name, other) => {
  expect(refusedField(() => checkHead(runner(other), direction))).toEqual({
    reason: "ARTIFACT_INCOMPATIBLE",
    field: HEAD,
  });
  expect(checkHead(runner(), direction).layers).toBe(3);
});

test("a head that reads other blocks than the gate is refused where both read, and taken where the gate is forced", () => {
  const deciding = { source: { kind: "recipe" as const, recipe }, controller: runner(), head: runner() };
  const other = { ...deciding, head: runner({ featureLayers: [1] }) };
  const use = { recipe: "r", weights: { arm: "learned", head: "h" } };
  const asked = create(SteeringUseSchema, use);
  expect(createDecider(deciding, asked).taps).toHaveLength(1);
  expect(refusedField(() => createDecider(other, asked))).toEqual({
    reason: "ARTIFACT_INCOMPATIBLE",
    field: HEAD,
  });
  expect(createDecider(other, create(SteeringUseSchema, { ...use, forceGate: 1 })).taps).toHaveLength(1);
});

test("a controller file that is refused leaves no session behind", async () => {
  // The class is there, though its type says nothing of it.
  const { prototype } = ort.InferenceSession as unknown as { prototype: ort.InferenceSession };
  const released = spyOn(prototype, "release");
  const layer = { weights: new Float32Array(8), bias: new Float32Array(4), activation: "sigmoid" as const };
  const mlp = {
    inputs: 2,
    layers: [layer],
    outputs: [
      { name: "gate", size: 1 },
      { name: "layer_weights", size: 3 },
    ],
  };
  const facts = { modelDigest: direction.modelDigest, layers: 3, width: 2, featureLayers: [7] };
  const files = [{}, { metadata: { "trimtab.controller": "{" } }].map((more) =>
    writeMlp({ ...mlp, ...more }),
  );
  files.push(writeMlp({ ...mlp, metadata: { "trimtab.controller": JSON.stringify(facts) } }));
  for (const file of files) await loadController(file).catch(() => undefined);
  expect(released).toHaveBeenCalledTimes(files.length);
  released.mockRestore();
});
