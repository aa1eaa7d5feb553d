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

/** The field of a use that asks for it. */
const FIELD = "steering.dose.nats";

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
 * @throws TrimtabError FIELD_OUT_OF_RANGE if the largest scale does not reach the target, or the smallest is beyond it; NON_FINITE if
 *   what is measured is no number
 */
export async function solveScale(
  target: number,
  known: CurvePoint[],
  measure: (scale: number) => Promise<number>,
  limits: SolveLimits,
): Promise<number> {
  const add = async (scale: number): Promise<CurvePoint> => {
    const point = { scale, nats: await measure(scale) };
    if (!Number.isFinite(point.nats)) {
      const message = `the divergence at scale ${scale.toPrecision(3)} is not a number: the model does not stand the push`;
      throw new TrimtabError("NON_FINITE", message, { field: FIELD });
    }
    known.push(point);
    return point;
  };
  for (let left = limits.measurements; ; left--) {
    const close = known.find(({ nats }) => Math.abs(nats / target - 1) <= limits.tolerance);
    if (close) return close.scale;
    const { below, above } = bracket(known, target);
    const between = interpolate(below, above, target);
    if (below && below.scale >= limits.maxScale) throw unreached(below, "not reached");
    if (above && above.scale <= limits.minScale) throw unreached(above, "too small to be told");
    if (left === 0 && between !== undefined) return between;
    if (left === 0) throw unreached(above ?? below, "not found");
    const next = between ?? outwards(below, above, target, limits);
    await add(Math.min(limits.maxScale, Math.max(limits.minScale, next)));
  }
}

function unreached(point: CurvePoint | undefined, why: string): TrimtabError {
  const { scale = 0, nats = 0 } = point ?? {};
  const message = `the dose is ${why}: scale ${Number(scale.toPrecision(3))} gives ${nats.toPrecision(3)} nats`;
  return new TrimtabError("FIELD_OUT_OF_RANGE", message, { field: FIELD, limit: nats });
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
