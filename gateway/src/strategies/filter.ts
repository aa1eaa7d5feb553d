/**
 * The particle filter that several strategies run: grow by a step, judge, redraw by weight. A particle's weight is that of
 * its latest score (scores are values of prefixes, nothing is multiplied up). Finished particles keep their weight and take
 * part in every further resampling.
 */
import { CHOOSE, type Choosing } from "./choosing.ts";
import {
  effectiveSampleSize,
  logWeight,
  redraw,
  resample,
  type Resampler,
  RESAMPLERS,
  softmax,
  type Weighting,
  WEIGHTINGS,
} from "./resampling.ts";
import { isOpen, isSound } from "./standing.ts";
import type { Candidate, Decision, Search } from "./strategy.ts";

/** Parameters of filters. */
export interface FilterParameters {
  readonly weights: Weighting;
  readonly resampler: Resampler;
  readonly ess_threshold: number;
  readonly max_steps: number;
  readonly choose: Choosing;
}

/** How a filter departs from the plain one. */
export interface FilterHooks {
  /** Temperature of a resampling, from the weights and the number of steps so far; default 1. */
  readonly temperature?: (weights: readonly number[], step: number) => number;
  /** Log-weights added for a resampling, and taken back from the next one; default none. */
  readonly lookAhead?: (live: readonly Candidate[]) => Promise<number[]>;
}

/** Schema of what all filters take. */
export const FILTER_PROPERTIES = {
  weights: {
    type: "string",
    enum: [...WEIGHTINGS],
    default: "coded",
    description:
      "coded: odds of the score (the authors' code); printed: softmax of the score (the paper's algorithm), whose " +
      "weights differ by a factor of at most e, so that it hardly selects; probability: the score.",
  },
  resampler: { type: "string", enum: [...RESAMPLERS], default: "multinomial", description: "How to redraw." },
  ess_threshold: {
    type: "number",
    minimum: 0,
    maximum: 1,
    default: 1,
    description: "Redraw when the effective sample size is at most this share of N; 1: after every step.",
  },
  max_steps: {
    type: "integer",
    minimum: 1,
    maximum: 256,
    default: 40,
    description: "After so many steps answers are finished without further resampling.",
  },
  choose: CHOOSE,
};

/** Runs the filter from the given candidates; answers with the last ones. */
export async function* filter(
  search: Search,
  start: readonly Candidate[],
  { weights: weighting, resampler, ess_threshold, max_steps }: FilterParameters,
  { temperature: temperatureOf = () => 1, lookAhead }: FilterHooks = {},
): AsyncGenerator<Decision, Candidate[], void> {
  let live = [...start];
  /** Log-weights to take back, by candidate. */
  let advances = new Map<number, number>();
  for (let step = 1; live.some(isOpen); step++) {
    if (step > max_steps) {
      await search.step(live, "end");
      break;
    }
    if (!(await search.step(live, "step"))) break;
    const scores = await search.score(live, "process");
    if (!live.some(isOpen)) break;
    const ahead = lookAhead ? await lookAhead(live) : live.map(() => 0);
    const logWeights = live.map((one, i) => {
      if (!isSound(one)) return -Infinity;
      const own = logWeight(scores[i] ?? 0, weighting) - (advances.get(one.id) ?? 0);
      return own + (ahead[i] ?? 0);
    });
    const temperature = temperatureOf(softmax(logWeights), step);
    const weights = softmax(logWeights, temperature);
    if (effectiveSampleSize(weights) > ess_threshold * live.length) continue;
    const ancestors = resample(search.random, weights, live.length, resampler).flatMap((i) => live[i] ?? []);
    const resampling = { candidates: live, weights, ancestors, temperature };
    yield { resampling };
    const advanceOf = new Map(live.map(({ id }, i) => [id, ahead[i] ?? 0]));
    live = await redraw(search, resampling);
    advances = new Map(live.map(({ id, parent }) => [id, advanceOf.get(id) ?? advanceOf.get(parent) ?? 0]));
  }
  return live;
}
