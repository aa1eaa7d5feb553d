/**
 * The scale at which a growing function reaches a target, by secants between logarithms: a divergence grows like a power
 * of the scale, nearly its square where it is small. Pure but for `measure`.
 */
import { TrimtabError } from "#kit/errors.ts";

/** A measured point of a curve. */
export interface CurvePoint {
  readonly scale: number;
  readonly nats: number;
}

/** Where to look, and how exactly. */
export interface SolveLimits {
  readonly maxScale: number;
  readonly minScale: number;
  /** Relative error of the divergence that is good enough. */
  readonly tolerance: number;
  readonly measurements: number;
}

/**
 * Solves measure(scale) = target.
 * @param known points measured before; every new one is added
 * @throws TrimtabError FIELD_OUT_OF_RANGE if the largest scale does not reach the target
 */
export async function solveScale(
  target: number,
  known: CurvePoint[],
  measure: (scale: number) => Promise<number>,
  limits: SolveLimits,
): Promise<number> {
  const add = async (scale: number): Promise<CurvePoint> => {
    const point = { scale, nats: await measure(scale) };
    known.push(point);
    return point;
  };
  for (let left = limits.measurements; ; left--) {
    const close = known.find(({ nats }) => Math.abs(nats / target - 1) <= limits.tolerance);
    if (close) return close.scale;
    const { below, above } = bracket(known, target);
    if (left === 0) return interpolate(below, above, target) ?? limits.minScale;
    const next = interpolate(below, above, target) ?? outwards(below, above, target, limits);
    if (below && below.scale >= limits.maxScale) {
      throw new TrimtabError(
        "FIELD_OUT_OF_RANGE",
        `the dose is not reached: scale ${limits.maxScale} gives ${below.nats.toPrecision(3)} nats`,
        { field: "steering.dose.nats", limit: below.nats },
      );
    }
    await add(Math.min(limits.maxScale, Math.max(limits.minScale, next)));
  }
}

/** The nearest points on both sides of the target. */
function bracket(points: readonly CurvePoint[], target: number): { below?: CurvePoint; above?: CurvePoint } {
  const sorted = [...points].sort((a, b) => a.scale - b.scale);
  const above = sorted.find(({ nats }) => nats > target);
  const below = sorted.findLast((point) => point.nats <= target && (!above || point.scale < above.scale));
  return { ...(below && { below }), ...(above && { above }) };
}

/** On the line through two points in logarithms; undefined without two of them. */
function interpolate(below: CurvePoint | undefined, above: CurvePoint | undefined, target: number) {
  if (!below || !above || below.nats <= 0) return undefined;
  const slope = Math.log(above.nats / below.nats) / Math.log(above.scale / below.scale);
  const scale = below.scale * (target / below.nats) ** (1 / slope);
  return Math.min(above.scale, Math.max(below.scale, scale));
}

/** Beyond the points known, as if the divergence were the square of the scale; at first a quarter. */
function outwards(
  below: CurvePoint | undefined,
  above: CurvePoint | undefined,
  target: number,
  { maxScale, minScale }: SolveLimits,
): number {
  if (!below && !above) return Math.min(0.25, maxScale);
  const near = (below && below.nats > 0 ? below : above) ?? { scale: maxScale, nats: target };
  const guess = near.scale * Math.sqrt(target / Math.max(near.nats, 1e-12));
  // A little further than the guess, so that the next two points enclose the target; never more than a factor of 8.
  if (below) return Math.min(maxScale, Math.max(1.25 * below.scale, Math.min(1.2 * guess, 8 * below.scale)));
  return Math.max(minScale, Math.min(0.8 * near.scale, Math.max(0.8 * guess, near.scale / 8)));
}
