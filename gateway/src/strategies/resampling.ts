/**
 * Weights of particles and four unbiased ways to redraw them: the expected number of copies of particle i is N·w_i.
 * Sources: Gordon 1993 (multinomial), Kitagawa 1996 (stratified, systematic), Liu and Chen 1998 (residual); compared in
 * Douc, Cappé and Moulines (cs/0507025). Cost: O(N) draws or one.
 */
import { drawIndex, type Random } from "./random.ts";
import type { Candidate, Resampling, Search } from "./strategy.ts";

/** How particles are redrawn. */
export type Resampler = "multinomial" | "systematic" | "stratified" | "residual";
/** How a score becomes a weight, see `logWeight`. */
export type Weighting = "coded" | "printed" | "probability";

/** Names of the resamplers. */
export const RESAMPLERS: readonly Resampler[] = ["multinomial", "systematic", "stratified", "residual"];
/** Names of the weightings. */
export const WEIGHTINGS: readonly Weighting[] = ["coded", "printed", "probability"];

const CLIP = 1e-7;

/**
 * Log-weight of a score r. "coded": logit r, as the authors' code does (weights are odds); "printed": r itself, as the
 * paper's algorithm prints softmax(r), which keeps weights within a factor e of each other; "probability": ln r.
 */
export function logWeight(score: number, weighting: Weighting): number {
  const r = Math.min(1 - CLIP, Math.max(CLIP, score));
  if (weighting === "printed") return r;
  return weighting === "coded" ? Math.log(r / (1 - r)) : Math.log(r);
}

/** Normalized weights of log-weights divided by a temperature; even ones if all are -Infinity. */
export function softmax(logWeights: readonly number[], temperature = 1): number[] {
  const most = Math.max(...logWeights);
  if (most === -Infinity) return logWeights.map(() => 1 / logWeights.length);
  const raised = logWeights.map((weight) => Math.exp((weight - most) / temperature));
  const total = raised.reduce((sum, weight) => sum + weight, 0);
  return raised.map((weight) => weight / total);
}

/** Effective sample size of normalized weights, 1 to N. */
export function effectiveSampleSize(weights: readonly number[]): number {
  return 1 / weights.reduce((sum, weight) => sum + weight * weight, 0);
}

/** Indices of ancestors drawn by normalized weights. */
export function resample(
  random: Random,
  weights: readonly number[],
  count: number,
  resampler: Resampler,
): number[] {
  switch (resampler) {
    case "multinomial":
      return Array.from({ length: count }, () => drawIndex(random, weights));
    case "systematic": {
      const offset = random.uniform();
      return walk(
        weights,
        Array.from({ length: count }, (_, i) => (i + offset) / count),
      );
    }
    case "stratified":
      return walk(
        weights,
        Array.from({ length: count }, (_, i) => (i + random.uniform()) / count),
      );
    case "residual": {
      const kept = weights.flatMap((weight, i) =>
        Array.from({ length: Math.floor(count * weight) }, () => i),
      );
      const rest = weights.map((weight) => count * weight - Math.floor(count * weight));
      const drawn = Array.from({ length: count - kept.length }, () => drawIndex(random, rest));
      return [...kept, ...drawn];
    }
  }
}

/**
 * Carries out a resampling: what was drawn lives on, forked where it was drawn more than once; the rest is given up.
 * A particle drawn once goes on as it is, which changes no distribution and saves a fork.
 */
export async function redraw(search: Search, { candidates, ancestors }: Resampling): Promise<Candidate[]> {
  const seen = new Set<Candidate>();
  const copies = ancestors.filter((ancestor) => seen.has(ancestor) || !seen.add(ancestor));
  const forked = await search.fork(copies);
  search.drop(candidates.filter((candidate) => !seen.has(candidate)));
  return [...seen, ...forked];
}

/** The index in which each of the ascending positions in [0, 1) falls. */
function walk(weights: readonly number[], positions: readonly number[]): number[] {
  const last = weights.findLastIndex((weight) => weight > 0);
  let index = 0;
  let sum = weights[0] ?? 0;
  return positions.map((position) => {
    while (index < last && position >= sum) sum += weights[++index] ?? 0;
    return index;
  });
}
