/**
 * How many answers are worth judging? Answers are y ~ N(mean, spread²), the truth is 0, the judge likes best what is nearest to
 * its own idea `bias`. Of k answers it takes that one; the expected squared error has a limit of bias² where more answers help
 * no more, and may rise before it does.
 * Source: Halder & Pehlevan 2025 (arXiv 2512.19905), the limit of a judge without noise; integrated numerically here.
 */

/** A judge against a model, in units of the answers. */
export interface JudgeSetting {
  /** Mean of the answers, the truth being 0. */
  readonly mean: number;
  /** Their standard deviation, above 0. */
  readonly spread: number;
  /** What the judge holds to be true, the truth being 0. */
  readonly bias: number;
}

const POINTS = 4_000;
const REACH = 8;

/** Expected squared error of the answer nearest to the judge's idea among k. Midpoint rule over distances. */
export function errorOfBest({ mean, spread, bias }: JudgeSetting, k: number): number {
  const centre = mean - bias;
  const reach = Math.abs(centre) + REACH * spread;
  let error = 0;
  let before = 1;
  for (let point = 1; point <= POINTS; point++) {
    // Finer near 0: the nearest of many is very near.
    const [inner, outer] = [(point - 1) / POINTS, point / POINTS].map((share) => reach * share ** 3) as [
      number,
      number,
    ];
    const beyond = 1 - (normalCdf((outer - centre) / spread) - normalCdf((-outer - centre) / spread));
    const after = Math.max(0, beyond) ** k;
    const distance = (inner + outer) / 2;
    const [above, below] = [densityOf(distance - centre, spread), densityOf(-distance - centre, spread)];
    const isAbove = above + below > 0 ? above / (above + below) : 0.5;
    error += (before - after) * (isAbove * (bias + distance) ** 2 + (1 - isAbove) * (bias - distance) ** 2);
    before = after;
  }
  return error;
}

/** Number of answers, up to `most`, after which judging another does not lower the error. */
export function answersWorthJudging(setting: JudgeSetting, most: number): number {
  let best = 1;
  let lowest = errorOfBest(setting, 1);
  for (let k = 2; k <= most; k++) {
    const error = errorOfBest(setting, k);
    if (error < lowest) [best, lowest] = [k, error];
  }
  return best;
}

const densityOf = (distance: number, spread: number): number => Math.exp(-0.5 * (distance / spread) ** 2);

/** Normal distribution function; absolute error below 1.5e-7 (Abramowitz & Stegun 7.1.26). */
function normalCdf(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * x);
  const poly =
    t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const tail = 0.5 * poly * Math.exp(-x * x);
  return z >= 0 ? 1 - tail : tail;
}
