// Controllers fitted on a thread of their own: the same result, the loop of the service free, cancelled at once.
import { expect, test } from "bun:test";
import { type ControllerSettings, fitController } from "../../../services/steering/src/controller/fit.ts";
import { fitInThread } from "../../../services/steering/src/controller/fit-thread.ts";
import { createRandom } from "../../../services/steering/src/controller/random.ts";

const SEED = 3;
const WIDTH = 48;
const SETTINGS: ControllerSettings = {
  hidden: [16],
  losses: ["logistic"],
  axes: [16],
  learningRate: 3e-3,
  weightDecay: 1e-2,
  batch: 16,
  maxEpochs: 20,
  patience: 20,
  falseSteerCost: 1,
  ramp: 0.1,
  seed: SEED,
  folds: 2,
};

function order(settings: Partial<ControllerSettings> = {}) {
  const random = createRandom(SEED);
  const labels = Array.from({ length: 120 }, (_, i) => i % 2);
  const rows = labels.map((label) => Float32Array.from({ length: WIDTH }, () => label + random.normal()));
  const groups = labels.map((_, i) => `family ${i % 6}`);
  const validation = { rows: rows.slice(0, 20), labels: labels.slice(0, 20) };
  const layerWeights = Float32Array.of(0, 1);
  return {
    train: { rows, labels, groups },
    validation,
    layerWeights,
    settings: { ...SETTINGS, ...settings },
  };
}

test(`a thread fits the same controller while the loop goes on turning (seed ${SEED})`, async () => {
  let turns = 0;
  const clock = setInterval(() => turns++, 1);
  const given = order();
  const fitted = await fitInThread(given, new AbortController().signal);
  clearInterval(clock);
  expect(fitted).toEqual(fitController(given.train, given.validation, given.layerWeights, given.settings));
  expect(turns).toBeGreaterThan(0);
});

test("a cancelled fit ends before it is done", async () => {
  const abort = new AbortController();
  // Far more epochs than anybody waits for.
  const endless = fitInThread(order({ maxEpochs: 1e9, patience: 1e9 }), abort.signal);
  setTimeout(() => abort.abort(new Error("left")), 50);
  await expect(endless).rejects.toMatchObject({ reason: "CANCELLED" });
  await expect(fitInThread(order(), abort.signal)).rejects.toMatchObject({ reason: "CANCELLED" });
});
