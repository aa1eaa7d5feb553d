// Parts of the controller's training with known answers: threshold and ramp, principal axes, AUROC.
import { expect, test } from "bun:test";
import { calibrateGate } from "../../../services/steering/src/controller/calibrate.ts";
import { auroc } from "../../../services/steering/src/controller/metrics.ts";
import { principalAxes } from "../../../services/steering/src/controller/principal-axes.ts";
import { createRandom } from "../../../services/steering/src/controller/random.ts";

test("a gate that cannot tell the classes apart stays shut", () => {
  const same = { positive: [0.4, 0.5, 0.6], negative: [0.4, 0.5, 0.6] };
  const { scale, shift } = calibrateGate(same, { falseSteerCost: 2, ramp: 0.1 });
  expect(scale).toBe(0);
  expect(1 / (1 + Math.exp(-shift))).toBeLessThan(1e-6);
});

test("the threshold lies in the middle of the gap between the classes", () => {
  const { threshold, scale, shift } = calibrateGate(
    { positive: [0.8, 0.9, 1], negative: [0, 0.1, 0.4] },
    { falseSteerCost: 2, ramp: 0.1 },
  );
  expect(threshold).toBeCloseTo(0.6, 9);
  expect(scale * threshold + shift).toBeCloseTo(0, 9);
  // Medians are 0.9 and 0.1: the gate is 0.98 at threshold + 0.1 · 0.8.
  expect(1 / (1 + Math.exp(-(scale * 0.68 + shift)))).toBeCloseTo(0.98, 9);
});

test("principal axes are those of the covariance: known by construction", () => {
  const random = createRandom(9);
  const rows = Array.from({ length: 400 }, () =>
    Float32Array.of(0.1 * random.normal(), 5 * random.normal(), random.normal(), 0),
  );
  const axes = principalAxes(rows, 2, random);
  expect(Math.abs(axes[0]?.[1] ?? 0)).toBeGreaterThan(0.99);
  expect(Math.abs(axes[1]?.[2] ?? 0)).toBeGreaterThan(0.99);
});

test("auroc counts won pairs, ties half", () => {
  expect(auroc({ positive: [3, 2], negative: [1, 2] })).toBe(3.5 / 4);
});
