/**
 * Draws from posteriors. Sources: Marsaglia and Tsang 2000 (gamma); Beta as a ratio of gammas; the normal model with an
 * inverse-χ² variance as in treequest. Cost: a few uniform draws each.
 */
import { drawNormal, type Random } from "./random.ts";

const PRIOR = { mean: 0, weight: 1, freedom: 1, variance: 0.1 };

/** A Beta(a, b) number; a and b over 0. */
export function drawBeta(random: Random, a: number, b: number): number {
  const x = drawGamma(random, a);
  return x / (x + drawGamma(random, b));
}

/** The mean of a normal population of which `seen` was observed, drawn from its posterior. */
export function drawStudent(random: Random, seen: readonly number[]): number {
  const n = seen.length;
  const average = n === 0 ? 0 : seen.reduce((sum, x) => sum + x, 0) / n;
  const squares = seen.reduce((sum, x) => sum + (x - average) ** 2, 0);
  const weight = PRIOR.weight + n;
  const freedom = PRIOR.freedom + n;
  const mean = (PRIOR.weight * PRIOR.mean + n * average) / weight;
  const spread =
    PRIOR.freedom * PRIOR.variance + squares + ((PRIOR.weight * n) / weight) * (average - PRIOR.mean) ** 2;
  const variance = spread / (2 * drawGamma(random, freedom / 2));
  return mean + Math.sqrt(variance / weight) * drawNormal(random);
}

/** A Gamma(shape, 1) number; shape over 0. */
export function drawGamma(random: Random, shape: number): number {
  if (shape < 1) return drawGamma(random, shape + 1) * (1 - random.uniform()) ** (1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = drawNormal(random);
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(1 - random.uniform()) < (x * x) / 2 + d - d * v + d * Math.log(v)) return d * v;
  }
}
