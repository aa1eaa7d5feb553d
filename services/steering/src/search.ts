/**
 * Successive halving: all candidates on a few prompts, the better half on more, until one is left or rounds run out.
 * Source: arXiv 1502.07943. Pure: measuring is the caller's. Cost: each round about as many tokens as the first.
 */

/** What a candidate showed on the prompts it was measured on. */
export interface Measurement {
  /** Answers that show the behaviour. */
  readonly hits: number;
  readonly trials: number;
  /** Mean fraction of repeated 4-grams. */
  readonly repetition: number;
  /** Perplexity of harmless text under the dose, gate open, over its perplexity without. */
  readonly perplexityRatio: number;
}

/** What a candidate may cost. */
export interface SearchCaps {
  /** Largest mean repetition. */
  readonly repetition: number;
  /** Largest two-sided perplexity ratio, gate open. */
  readonly perplexityRatio: number;
}

/** One candidate with all it was measured on. */
export interface Ranked<T> {
  readonly candidate: T;
  readonly measured: Measurement;
  /** Higher is better; candidates beyond a cap rank below all others. */
  readonly score: number;
}

/** Rounds: how many prompts a round measures each survivor on, and how many candidates survive it. */
export interface SearchRound {
  readonly prompts: number;
  readonly survivors: number;
}

/** Points of score that a whole unit of log perplexity costs. */
const PERPLEXITY_WEIGHT = 0.05;
const BEYOND_CAP = -10;

/** Caps that a measurement is beyond, in words. */
export function beyondCaps({ repetition, perplexityRatio }: Measurement, caps: SearchCaps): string[] {
  const repeats = repetition > caps.repetition;
  const strains = Math.abs(Math.log(perplexityRatio)) > Math.log(caps.perplexityRatio);
  return [
    ...(repeats ? [`repetition ${repetition.toFixed(3)}, at most ${caps.repetition}`] : []),
    ...(strains ? [`perplexity ratio ${perplexityRatio.toFixed(3)}, at most ${caps.perplexityRatio}`] : []),
  ];
}

/** Score of a measurement: rate of the behaviour, less repetition, less a little for perplexity. */
function searchScore(measured: Measurement, caps: SearchCaps): number {
  const rate = measured.trials === 0 ? 0 : measured.hits / measured.trials;
  const strain = Math.abs(Math.log(measured.perplexityRatio));
  const value = rate - measured.repetition - PERPLEXITY_WEIGHT * strain;
  if (!Number.isFinite(value)) return 2 * BEYOND_CAP;
  return beyondCaps(measured, caps).length > 0 ? value + BEYOND_CAP : value;
}

/**
 * Runs the rounds.
 * @param measure measures candidates on prompts `from` to `from + count − 1`
 * @returns survivors of the last round, best first; earlier candidates win ties
 */
export async function successiveHalving<T>(
  candidates: readonly T[],
  rounds: readonly SearchRound[],
  caps: SearchCaps,
  measure: (candidates: readonly T[], from: number, count: number) => Promise<Measurement[]>,
): Promise<Ranked<T>[]> {
  let alive: Ranked<T>[] = candidates.map((candidate) => ({ candidate, measured: NOTHING, score: 0 }));
  let from = 0;
  for (const round of rounds) {
    const results = await measure(
      alive.map((each) => each.candidate),
      from,
      round.prompts,
    );
    alive = alive.map(({ candidate, measured }, i) => {
      const total = merge(measured, results[i] as Measurement);
      return { candidate, measured: total, score: searchScore(total, caps) };
    });
    alive = alive.sort((a, b) => b.score - a.score).slice(0, round.survivors);
    from += round.prompts;
  }
  return alive;
}

const NOTHING: Measurement = { hits: 0, trials: 0, repetition: 0, perplexityRatio: 1 };

function merge(a: Measurement, b: Measurement): Measurement {
  const trials = a.trials + b.trials;
  const repetition = trials === 0 ? 0 : (a.repetition * a.trials + b.repetition * b.trials) / trials;
  return { hits: a.hits + b.hits, trials, repetition, perplexityRatio: b.perplexityRatio };
}
