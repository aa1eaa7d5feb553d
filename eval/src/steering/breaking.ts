/**
 * Where coherence breaks: the dose at which the perplexity of fixed text, read under steering, reaches twice its own. And whether
 * what a tiny dose does tells: KL grows as ½ κ d² near 0, so κ is read off the smallest dose, and a direction of a large κ should
 * break at a small dose. Pure.
 */
import { bootstrap, bootstrapDifference, type Interval, meanOf } from "../statistics.ts";

/** A point of a curve. */
export interface CurvePoint {
  readonly dose: number;
  /** Perplexity of fixed text, steered over unsteered. */
  readonly perplexityRatio: number;
}

/** Perplexity ratio at which text counts as broken: the limit of Selective Steering's code (arXiv 2601.19375). */
export const BROKEN = 2;

/** The dose at which a curve first reaches {@link BROKEN}, between points in logarithms; undefined if it does not. */
export function breakingDose(points: readonly CurvePoint[]): number | undefined {
  const sorted = points.toSorted((a, b) => a.dose - b.dose);
  const at = sorted.findIndex(({ perplexityRatio }) => !(perplexityRatio < BROKEN));
  const [before, after] = [sorted[at - 1], sorted[at]];
  if (after === undefined) return undefined;
  if (before === undefined) return after.dose;
  const height = ({ perplexityRatio }: CurvePoint) => Math.log(Math.max(1, perplexityRatio));
  const rise = height(after) - height(before);
  if (!Number.isFinite(rise) || rise <= 0) return after.dose;
  const share = (Math.log(BROKEN) - height(before)) / rise;
  return before.dose * (after.dose / before.dose) ** share;
}

/** Spearman's rank correlation; ties share their rank. NaN below three pairs or without variation. */
export function rankCorrelation(pairs: readonly (readonly [number, number])[]): number {
  if (pairs.length < 3) return Number.NaN;
  const [a, b] = [ranks(pairs.map(([x]) => x)), ranks(pairs.map(([, y]) => y))];
  const middle = (pairs.length + 1) / 2;
  let [both, first, second] = [0, 0, 0];
  for (const [index, rank] of a.entries()) {
    const [x, y] = [rank - middle, (b[index] as number) - middle];
    both += x * y;
    first += x * x;
    second += y * y;
  }
  return first > 0 && second > 0 ? both / Math.sqrt(first * second) : Number.NaN;
}

function ranks(values: readonly number[]): number[] {
  return values.map((value) => {
    const below = values.filter((other) => other < value).length;
    const equal = values.filter((other) => other === value).length;
    return below + (equal + 1) / 2;
  });
}

/** One direction in one window of blocks. */
export interface Breaking {
  readonly model: string;
  /** Its name among all: a method, or one random direction of several. */
  readonly direction: string;
  readonly method: string;
  readonly block: number;
  /** κ of KL = ½ κ d², nats. */
  readonly curvature: number;
  /** Undefined: not broken at any dose that was tried. */
  readonly dose: number | undefined;
}

/**
 * How well log break = intercept + slope · log κ, fitted on some directions, tells where others break.
 * @returns mean |log₂ error| of the line and of the fitted directions' mean break; NaN if there is nothing to fit or to tell
 */
export function predictionError(
  fitted: readonly Breaking[],
  told: readonly Breaking[],
): { readonly line: number; readonly mean: number } {
  const known = pairsOf(fitted);
  const [x, y] = [known.map(([a]) => a), known.map(([, b]) => b)];
  const [meanX, meanY] = [meanOf(x), meanOf(y)];
  const spread = x.reduce((sum, value) => sum + (value - meanX) ** 2, 0);
  const slope = known.reduce((sum, [a, b]) => sum + (a - meanX) * (b - meanY), 0) / spread;
  const errors = pairsOf(told).map(([a, b]) => [b - meanY - slope * (a - meanX), b - meanY] as const);
  return {
    line: meanOf(errors.map(([line]) => Math.abs(line))) / Math.LN2,
    mean: meanOf(errors.map(([, flat]) => Math.abs(flat))) / Math.LN2,
  };
}

/** How far off breaks are told, in doublings: mean over directions, with the bootstrap over directions. */
export interface LeftOut {
  /** Directions that broke somewhere and could be told. */
  readonly directions: number;
  /** By the line through log κ and log break. */
  readonly line: Interval;
  /** By the mean break, and by the mean break in the same block, without κ. */
  readonly mean: Interval;
  readonly block: Interval;
  /** What κ saves over the better of these two: their error minus the line's; over 0 is a gain. */
  readonly gain: Interval;
}

/** Tells the breaks of every direction from those of all others of its model. Undefined below three directions. */
export function leaveOneOut(all: readonly Breaking[]): LeftOut | undefined {
  const groups = [...Map.groupBy(all, ({ model, direction }) => `${model} ${direction}`).values()];
  const errors = groups.flatMap((told) => {
    const others = all.filter(
      ({ model, direction }) => model === told[0]?.model && direction !== told[0]?.direction,
    );
    const { line, mean } = predictionError(others, told);
    const inBlock = told.map((one) => {
      const neighbours = others.filter((other) => other.block === one.block);
      return predictionError(neighbours, [one]).mean;
    });
    const block = meanOf(inBlock.filter(Number.isFinite));
    return [line, mean, block].every(Number.isFinite) ? [{ line, mean, block }] : [];
  });
  if (errors.length < 3) return undefined;
  const line = errors.map((error) => error.line);
  const mean = errors.map((error) => error.mean);
  const block = errors.map((error) => error.block);
  const best = meanOf(block) < meanOf(mean) ? block : mean;
  return {
    ...{ directions: errors.length, line: bootstrap(line), mean: bootstrap(mean), block: bootstrap(block) },
    gain: bootstrapDifference(best, line),
  };
}

/** log κ and log break of the directions that broke. */
export function pairsOf(all: readonly Breaking[]): [number, number][] {
  return all.flatMap(({ curvature, dose }) =>
    dose !== undefined && curvature > 0 ? [[Math.log(curvature), Math.log(dose)] as [number, number]] : [],
  );
}
