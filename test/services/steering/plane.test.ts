/** The plane of angular and Selective Steering: the direction most like all others, and the one in which they differ most. */
import { expect, test } from "bun:test";
import { Site } from "#proto/trimtab/type/v1/program_pb.ts";
import { findPlane, type PlaneSite } from "../../../services/steering/src/methods/plane.ts";
import { refusedField } from "../../support/refusal.ts";

const WIDTH = 6;
/** A site whose candidate is turned away from the first axis by an angle, towards another. */
function site(towards: number, angle: number, layer: number): PlaneSite {
  const candidate = new Float32Array(WIDTH);
  candidate[0] = Math.cos(angle);
  candidate[towards] = (candidate[towards] as number) + Math.sin(angle);
  const rows = { positive: [candidate], negative: [new Float32Array(WIDTH)] };
  return { site: Site.MLP_NORM, layer, rows, candidate };
}
const turned = (angles: readonly (readonly [towards: number, angle: number])[]) =>
  angles.map(([towards, angle], layer) => site(towards, angle, layer));

test("the second vector is the first principal component of the candidates, centred as components are", () => {
  // They differ a little more along axis 2 than along axis 3; what they have in common, axis 0, is no difference.
  const sites = turned([
    ...([[1, 0]] as const),
    ...([[2, 0.5], [2, -0.5]] as const), // prettier-ignore
    ...([[3, 0.49], [3, -0.49]] as const), // prettier-ignore
  ]);
  const { first, second, source } = findPlane(sites);
  expect(source.layer).toBe(0);
  expect([...first]).toEqual([1, 0, 0, 0, 0, 0]);
  expect(Math.abs(second[2] as number)).toBeGreaterThan(0.999);
});

test("both vectors are of one plane: orthonormal, whatever the candidates", () => {
  const { first, second } = findPlane(turned([[1, 0.2], [2, 0.9], [3, 1.4], [1, -0.3]])); // prettier-ignore
  const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, x, i) => sum + x * (b[i] as number), 0);
  expect(dot(first, first)).toBeCloseTo(1, 6);
  expect(dot(second, second)).toBeCloseTo(1, 6);
  expect(dot(first, second)).toBeCloseTo(0, 6);
});

test("candidates on one line make no plane", () => {
  for (const sites of [
    turned([[1, 0.3]]),
    turned([
      [1, 0.3],
      [1, 0.3],
    ]),
    turned([
      [1, 0],
      [1, Math.PI],
    ]),
  ])
    // prettier-ignore
    expect(refusedField(() => findPlane(sites))).toEqual({ reason: "INVALID_ARGUMENT", field: "recipe" });
});
