// The controller network: training, the shuffled-label control, and the ONNX file against the TypeScript evaluation.
import { expect, test } from "bun:test";
import { loadController, writeController } from "../../../services/steering/src/controller/artifact.ts";
import { type ControllerSettings, fitController } from "../../../services/steering/src/controller/fit.ts";
import { accuracy, auroc, splitScores } from "../../../services/steering/src/controller/metrics.ts";
import type { ControllerNetwork } from "../../../services/steering/src/controller/network.ts";
import { createRandom } from "../../../services/steering/src/controller/random.ts";
import { familyFolds, type GroupedRows } from "../../../services/steering/src/controller/parts.ts";
import { controllerOutput, evaluateNetwork } from "../../support/controller-network.ts";

const SEED = 20505;
const WIDTH = 96;
const LAYERS = 5;
const SETTINGS: ControllerSettings = {
  hidden: [16],
  losses: ["mse", "logistic"],
  axes: [24],
  learningRate: 3e-3,
  weightDecay: 1e-2,
  batch: 16,
  maxEpochs: 40,
  patience: 10,
  falseSteerCost: 2,
  ramp: 0.1,
  seed: SEED,
  folds: 4,
};

/** Two classes that differ along three axes of very different scales, as residuals do. */
function problem(count: number, seed: number, shuffled = false): GroupedRows {
  const random = createRandom(seed);
  const labels = Array.from({ length: count }, (_, i) => i % 2);
  const rows = labels.map((label) =>
    Float32Array.from({ length: WIDTH }, (_, i) => {
      const scale = 10 ** (i % 4);
      return scale * (50 + random.normal() + (i < 12 ? (label === 1 ? 1 : -1) : 0));
    }),
  );
  const order = random.permutation(count);
  return {
    rows,
    labels: shuffled ? order.map((i) => labels[i] as number) : labels,
    groups: labels.map((_, i) => `family ${i % 10}`),
  };
}

function testScores(network: ControllerNetwork) {
  const test = problem(200, SEED + 2);
  return splitScores(
    test.rows.map((row) => evaluateNetwork(network, row)[0] as number),
    test.labels,
  );
}

const weights = Float32Array.of(0, 0.25, 1, 0.5, 0);

test(`a separable problem is learned, shuffled labels are not (seed ${SEED})`, () => {
  const learned = fitController(problem(200, SEED), problem(60, SEED + 1), weights, SETTINGS);
  const scores = testScores(learned.network);
  expect(auroc(scores)).toBeGreaterThan(0.97);
  expect(accuracy(scores, 0)).toBeGreaterThan(0.9);
  const control = fitController(problem(200, SEED, true), problem(60, SEED + 1, true), weights, SETTINGS);
  expect(Math.abs(auroc(testScores(control.network)) - 0.5)).toBeLessThan(0.25);
});

test("a topic family lies in one fold, and each class in every fold", () => {
  const rows = problem(80, 1);
  const folds = familyFolds(rows, 4);
  for (const label of [0, 1]) {
    const own = folds.filter((_, i) => rows.labels[i] === label);
    expect(new Set(own)).toEqual(new Set([0, 1, 2, 3]));
  }
  const pairs = new Set(folds.map((fold, i) => `${rows.labels[i]} ${rows.groups[i]} ${fold}`));
  expect(pairs.size).toBe(10);
});

test("the same seed gives the same controller, bit for bit", () => {
  const fit = () =>
    fitController(problem(80, 1), problem(40, 2), weights, { ...SETTINGS, maxEpochs: 5 }).network;
  expect(fit()).toEqual(fit());
});

test("the ONNX file decides as the TypeScript network does, to 1e-5", async () => {
  const { network, report } = fitController(problem(100, 3), problem(40, 4), weights, {
    ...SETTINGS,
    maxEpochs: 8,
  });
  const facts = { modelDigest: "ab".repeat(32), layers: LAYERS, width: WIDTH / 2, featureLayers: [3, 4] };
  const runner = await loadController(writeController(network, facts, report));
  expect(runner.featureLayers).toEqual([3, 4]);
  const rows = problem(64, 5).rows;
  let open = 0;
  // All at once: the runner takes them one after another.
  const answers = await Promise.all(rows.map((row) => runner.run(row)));
  for (const [i, row] of rows.entries()) {
    const expected = controllerOutput(evaluateNetwork(network, row));
    const actual = answers[i];
    expect(Math.abs((actual?.gate ?? Number.NaN) - expected.gate)).toBeLessThanOrEqual(1e-5);
    for (const [layer, weight] of weights.entries())
      expect(actual?.layerWeights[layer]).toBeCloseTo(weight, 5);
    if (expected.gate > 0.5) open++;
  }
  expect(open).toBeGreaterThan(4);
  await runner.close();
});

test("A11 a controller with a file that lies about its model is refused", async () => {
  const { network, report } = fitController(problem(40, 3), problem(20, 4), weights, {
    ...SETTINGS,
    maxEpochs: 1,
  });
  const facts = { modelDigest: "ab".repeat(32), layers: LAYERS, width: WIDTH, featureLayers: [3, 4] };
  await expect(loadController(writeController(network, facts, report))).rejects.toMatchObject({
    reason: "ARTIFACT_INCOMPATIBLE",
  });
});

test("A11 features with values that are not finite are refused", async () => {
  const { network, report } = fitController(problem(40, 3), problem(20, 4), weights, {
    ...SETTINGS,
    maxEpochs: 1,
  });
  const facts = { modelDigest: "ab".repeat(32), layers: LAYERS, width: WIDTH / 2, featureLayers: [3, 4] };
  const runner = await loadController(writeController(network, facts, report));
  const row = new Float32Array(WIDTH).fill(1);
  row[7] = Number.NaN;
  await expect(runner.run(row)).rejects.toMatchObject({ reason: "NON_FINITE" });
  await expect(runner.run(new Float32Array(WIDTH - 1))).rejects.toMatchObject({ reason: "SHAPE_MISMATCH" });
  await runner.close();
});
