/** Arms of layer weights: the same blocks and sum of doses, other weights; heads are trained, not drawn. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  LayerWeightsSchema,
  type SteeringUseSchema,
} from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { armWeights } from "../../../services/steering/src/arms.ts";
import { evolve } from "../../../services/steering/src/controller/evolution.ts";
import { regressHead } from "../../../services/steering/src/controller/head.ts";
import { controllerOutput, evaluateNetwork } from "../../support/controller-network.ts";
import { createRandom } from "../../../services/steering/src/controller/random.ts";
import { LAYERS, MODEL as modelDigest } from "./support/simulated-services.ts";
import { readPrompt, reason, startSimulatedService } from "./support/simulated-steering.ts";

setDefaultTimeout(120_000);

const service = startSimulatedService();
const { client, clients } = service;

type Use = MessageInitShape<typeof SteeringUseSchema>;
async function planFor(weights: Use["weights"], text = "do bad thing number 7") {
  const use: Use = { recipe: "refusal", forceGate: 1, ...(weights && { weights }) };
  const { taps } = await client.getRequirements({ modelDigest, steering: use });
  const activations = await readPrompt(clients, text, taps);
  return client.plan({ modelDigest, steering: use, activations });
}

async function fit(name: string, method: string): Promise<void> {
  const options = { promptsPerClass: 6, rounds: 2 };
  for await (const { event } of client.fitArtifact({ modelDigest, name, method, recipe: "refusal", options }))
    expect(event.case).toBeDefined();
}

beforeAll(async () => {
  await service.buildRecipe();
  await fit("regressed", "weights_regression");
  await fit("evolved", "weights_evolution");
});
afterAll(service.close);

const sum = (values: readonly number[] = []) => values.reduce((a, b) => a + b, 0);

test("every arm spreads the recipe's sum of doses over all blocks, and says which it is", async () => {
  const own = await planFor(undefined);
  const total = sum(own.report?.relativeDoses);
  const arms: [string, Use["weights"]][] = [
    ["uniform", { arm: "uniform" }],
    ["random", { arm: "random", seed: 4 }],
    ["learned", { arm: "learned", head: "regressed" }],
    ["learned", { arm: "learned", head: "evolved" }],
    ["permuted", { arm: "permuted", head: "regressed", seed: 2 }],
    ["mean", { arm: "mean", head: "regressed" }],
  ];
  for (const [source, weights] of arms) {
    const { report } = await planFor(weights);
    expect(report?.layerWeightsSource).toBe(source);
    expect(sum(report?.relativeDoses)).toBeCloseTo(total, 4);
    expect(report?.relativeDoses.filter((dose) => dose > 0)).toHaveLength(LAYERS);
  }
  expect(own.report?.relativeDoses.filter((dose) => dose > 0).length).toBeLessThan(LAYERS);
});

test("random weights differ by seed; permuted ones are the learned ones in another order", () => {
  const arm = (name: string, seed: number, learned?: Float32Array) =>
    armWeights(create(LayerWeightsSchema, { arm: name, seed }), 6, undefined, learned).weights;
  expect(arm("random", 1)).not.toEqual(arm("random", 2));
  expect(arm("random", 1)).toEqual(arm("random", 1));
  const learned = Float32Array.of(0.1, 0.2, 0.3, 0.4, 0.5, 0.6);
  expect(arm("permuted", 2, learned)).not.toEqual(learned);
  expect(arm("permuted", 2, learned).toSorted()).toEqual(learned);
});

test("arms that are none, heads that are none and sources without weights are refused", async () => {
  const plan = (weights: NonNullable<Use["weights"]>, mode = "") =>
    reason(client.plan({ modelDigest, steering: { recipe: "refusal", mode, weights } }));
  expect(await plan({ arm: "best" })).toBe("INVALID_ARGUMENT");
  expect(await plan({ arm: "learned" })).toBe("INVALID_ARGUMENT");
  expect(await plan({ arm: "uniform", head: "regressed" })).toBe("INVALID_ARGUMENT");
  expect(await plan({ arm: "learned", head: "nothing" })).toBe("ARTIFACT_NOT_FOUND");
  expect(await plan({ arm: "uniform" }, "paper")).toBe("INVALID_ARGUMENT");
  const { artifacts } = await client.listArtifacts({});
  const gate = artifacts.find(({ name }) => name.startsWith("refusal.controller"))?.name ?? "";
  expect(await plan({ arm: "learned", head: gate })).toBe("ARTIFACT_INVALID");
});

test("a regressed head gives new prompts the weights their features call for", () => {
  const random = createRandom(5);
  const examples = (count: number) => {
    const signs = Array.from({ length: count }, () => (random.uniform() < 0.5 ? -1 : 1));
    return {
      rows: signs.map((sign) =>
        Float32Array.from({ length: 20 }, (_, i) => 0.3 * random.normal() + (i < 4 ? sign : 0)),
      ),
      weights: signs.map((sign) =>
        sign > 0 ? Float32Array.of(0.9, 0.1, 0.5) : Float32Array.of(0.1, 0.9, 0.5),
      ),
    };
  };
  const test = examples(40);
  const { network, explained } = regressHead(examples(60), test, 1);
  expect(explained).toBeGreaterThan(0.6);
  for (const [n, row] of test.rows.entries()) {
    const { gate, layerWeights } = controllerOutput(evaluateNetwork(network, row));
    expect(gate).toBeGreaterThan(0.999);
    expect(Math.sign((layerWeights[0] ?? 0) - 0.5)).toBe(Math.sign((test.weights[n]?.[0] ?? 0) - 0.5));
  }
});

test("the evolution strategy climbs a hill it sees through ranks alone", async () => {
  const goal = [1, -1, 0.5, 0];
  const height = (x: Float64Array) =>
    Promise.resolve(Math.exp(-x.reduce((s, v, i) => s + (v - (goal[i] ?? 0)) ** 2, 0)));
  const settings = { rounds: 40, pairs: 6, deviation: 0.3, step: 0.1 };
  const all = (candidates: readonly Float64Array[]) => Promise.all(candidates.map(height));
  const { parameters, rewards } = await evolve(new Float64Array(4), all, settings, createRandom(3));
  expect(rewards[0]).toBeLessThan(0.11);
  expect(await height(parameters)).toBeGreaterThan(0.7);
});
