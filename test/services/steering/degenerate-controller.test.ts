/** Training prompts that look alike to the model: a gate that stays shut for every prompt, never one that answers with no number. */
import { expect, test } from "bun:test";
import { loadController, writeController } from "../../../services/steering/src/controller/artifact.ts";
import { type ControllerSettings, fitController } from "../../../services/steering/src/controller/fit.ts";
import { regressHead } from "../../../services/steering/src/controller/head.ts";
import type { ControllerNetwork } from "../../../services/steering/src/controller/network.ts";

const WIDTH = 8;
const LAYERS = 3;
const WEIGHTS = Float32Array.of(0, 1, 0.5);
const SETTINGS: ControllerSettings = {
  ...{ hidden: [8], losses: ["mse", "logistic"], axes: [4], learningRate: 3e-3, weightDecay: 1e-2, batch: 8 },
  ...{ maxEpochs: 5, patience: 2, falseSteerCost: 2, ramp: 0.1, seed: 1, folds: 2 },
};
const row = (value: number) => new Float32Array(WIDTH).fill(value);
const rows = (count: number, value: number) => Array.from({ length: count }, () => row(value));
const labels = [1, 0, 1, 0, 1, 0, 1, 0];
const groups = labels.map((_, i) => `family ${i % 4}`);

async function outputs(network: ControllerNetwork) {
  const facts = { modelDigest: "ab".repeat(32), layers: LAYERS, width: WIDTH, featureLayers: [2] };
  const controller = await loadController(writeController(network, facts, {}));
  const answers = [];
  for (const value of [-1e4, 0, 3, 3.5, 1e4]) answers.push(await controller.run(row(value)));
  await controller.close();
  return answers;
}

test.each([0, 3, -1e-30])("a controller of prompts whose rows are all %p stays shut", async (value) => {
  const { network } = fitController(
    { rows: rows(8, value), labels, groups },
    { rows: rows(8, value), labels },
    WEIGHTS,
    SETTINGS,
  );
  expect(network.std.every((deviation) => deviation > 0)).toBe(true);
  for (const { gate, layerWeights } of await outputs(network)) {
    expect(gate).toBeLessThan(0.05);
    expect(layerWeights[1]).toBeCloseTo(1, 3);
  }
});

test("a head of such prompts gives all of them the mean weights", async () => {
  const weights = labels.map((label) => Float32Array.of(0.2, label === 1 ? 0.7 : 0.3, 0.9));
  const examples = { rows: rows(8, 3), weights };
  const { network, explained } = regressHead(examples, examples, 1);
  expect(explained).toBe(0);
  for (const { layerWeights } of await outputs(network)) {
    expect(layerWeights[0]).toBeCloseTo(0.2, 5);
    expect(layerWeights[1]).toBeCloseTo(0.5, 5);
  }
});
