/** The arm "mean" is what a head gives its training prompts on average; a head that came without them has no such arm. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { writeSafetensors } from "#kit/safetensors.ts";
import { DirectionFormat, LayerWeightsSchema } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { armWeights } from "../../../services/steering/src/arms.ts";
import { loadController, writeController } from "../../../services/steering/src/controller/artifact.ts";
import { constantHead, regressHead } from "../../../services/steering/src/controller/head.ts";
import { createRandom } from "../../../services/steering/src/controller/random.ts";
import { controllerOutput, evaluateNetwork } from "../../support/controller-network.ts";
import { refusedField } from "../../support/refusal.ts";
import { LAYERS, MODEL as modelDigest, WIDTH } from "./support/simulated-services.ts";
import { reason, startSimulatedService } from "./support/simulated-steering.ts";

const service = startSimulatedService();
const { client } = service;
beforeAll(service.buildRecipe);
afterAll(service.close);

test("a regressed head's mean is that of its own weights, not of those it was to learn", () => {
  const random = createRandom(2);
  // One prompt in ten has all its weight in the first block, and nothing tells which.
  const rows = Array.from({ length: 60 }, () => Float32Array.from({ length: 12 }, () => random.normal()));
  const weights = rows.map((_, n) => Float32Array.of(n % 10 === 0 ? 1 : 0, 0.5));
  const { network, meanWeights } = regressHead({ rows, weights }, { rows, weights }, 1);
  const given = rows.map((row) => controllerOutput(evaluateNetwork(network, row)).layerWeights);
  for (const layer of [0, 1]) {
    const mean = given.reduce((sum, each) => sum + (each[layer] as number) / given.length, 0);
    expect(meanWeights[layer]).toBeCloseTo(mean, 5);
  }
  expect(meanWeights[0]).toBeLessThan(0.08);
});

test("a head of the same weights for every prompt has those as its mean", () => {
  const { network, meanWeights } = constantHead(4, [0, 0.3, 1]);
  const { layerWeights } = controllerOutput(evaluateNetwork(network, new Float32Array(4)));
  for (const [layer, weight] of layerWeights.entries()) expect(meanWeights[layer]).toBeCloseTo(weight, 6);
});

test("an imported controller gives learned weights, and has no mean: now, and if it was imported when one was written down", async () => {
  const tensor = (...shape: number[]) => ({
    shape,
    data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(0.01),
  });
  const data = writeSafetensors({
    "fc1.weight": tensor(2, 2 * WIDTH),
    "fc1.bias": tensor(2),
    "fc2.weight": tensor(1 + LAYERS, 2),
    "fc2.bias": tensor(1 + LAYERS),
  });
  await client.importArtifact({ name: "released", format: DirectionFormat.FC_CONTROLLER, data, modelDigest });
  const needs = (arm: string) =>
    client.getRequirements({
      modelDigest,
      steering: { recipe: "refusal", weights: { arm, head: "released" } },
    });
  expect((await needs("learned")).taps).toHaveLength(1);
  expect(await reason(needs("mean"))).toBe("UNSUPPORTED");
  const { network } = constantHead(2 * WIDTH, Array(LAYERS).fill(0.5));
  const facts = {
    ...{ modelDigest, layers: LAYERS, width: WIDTH, featureLayers: [LAYERS - 2, LAYERS - 1] },
    head: { method: "imported", meanWeights: Array<number>(LAYERS).fill(0.5) },
  };
  const before = await loadController(writeController(network, facts, {}));
  expect(
    refusedField(() => armWeights(create(LayerWeightsSchema, { arm: "mean" }), LAYERS, before, undefined)),
  ).toEqual({
    reason: "UNSUPPORTED",
    field: "steering.weights.arm",
  });
  await before.close();
});
