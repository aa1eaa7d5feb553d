/** A dose in nats that cannot be found is refused: no strength is made up for it. */
import { expect, test } from "bun:test";
import { TrimtabError } from "#kit/errors.ts";
import { type CurvePoint, solveScale } from "../../../services/steering/src/nats/solve.ts";

const LIMITS = { maxScale: 4, minScale: 2 ** -14, tolerance: 0.03, measurements: 8 };
async function refusal(target: number, curve: (scale: number) => number, known: CurvePoint[] = []) {
  const found = await solveScale(target, known, async (scale) => curve(scale), LIMITS).catch(
    (error: unknown) => error,
  );
  if (!(found instanceof TrimtabError)) return found;
  return `${found.reason} ${found.field}`;
}

test.each([
  ["is no number", 0.1, () => Number.NaN, "NON_FINITE"],
  [
    "is no number beyond a scale",
    0.1,
    (scale: number) => (scale < 1 ? 0.01 * scale : Number.NaN),
    "NON_FINITE",
  ],
  ["is infinite", 0.1, () => Number.POSITIVE_INFINITY, "NON_FINITE"],
  ["never reaches the dose", 0.1, (scale: number) => 1e-3 * scale, "FIELD_OUT_OF_RANGE"],
  ["is nothing", 0.1, () => 0, "FIELD_OUT_OF_RANGE"],
  ["is beyond the dose at the smallest scale", 1e-9, (scale: number) => 1e-3 + scale, "FIELD_OUT_OF_RANGE"],
])("a divergence that %s", async (_name, target, curve, expected) => {
  const known: CurvePoint[] = [];
  expect(await refusal(target, curve, known)).toBe(`${expected} steering.dose.nats`);
  // What is kept of the curve is what can be read again.
  expect(known.every(({ nats }) => Number.isFinite(nats))).toBe(true);
});
