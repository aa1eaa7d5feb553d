/**
 * Strategies that choose among independent samples, replayed on samples that a search was served: the first N of them are
 * what N candidates would have been, since candidate i draws noise stream i − 1. Nothing is sampled; time and prefill of a
 * replay are the pool's own, time by its share of the tokens.
 */
import { type Arm, nameOf } from "./arms.ts";
import type { SearchCandidate, SearchRecord } from "./sample.ts";

/** Can the choice of an arm be made from samples alone? */
export const canReplay = ({ strategy, verifier }: Arm): boolean =>
  (strategy === "best-of-n" || strategy === "weighted-majority") &&
  (verifier === "mean_logprob" || verifier === "outcome");

/** The record that the arm would have had. @throws RangeError if the pool is smaller than the arm's budget. */
export function replay(arm: Arm, pool: SearchRecord): SearchRecord {
  if (pool.candidates.length < arm.budget) {
    throw new RangeError(`a pool of ${pool.candidates.length} samples replays no search of ${arm.budget}`);
  }
  const candidates = pool.candidates
    .slice(0, arm.budget)
    .map((candidate) => ({ ...candidate, score: scoreOf(arm, candidate) }));
  const chosen = arm.strategy === "best-of-n" ? bestOf(candidates) : voted(candidates);
  const tokensGenerated = candidates.reduce((sum, { tokens }) => sum + tokens, 0);
  return {
    ...{
      key: `${pool.key}/replayed/${nameOf(arm)}`,
      problem: pool.problem,
      kind: "search",
      arm: nameOf(arm),
    },
    ...{ text: chosen?.text ?? "", right: chosen?.right ?? false, candidates, isDegraded: false },
    ...{ tokensGenerated, tokensPrefilled: pool.tokensPrefilled, tokensVerified: 0 },
    wallMs: (pool.wallMs * tokensGenerated) / Math.max(1, pool.tokensGenerated),
    ...{ effectiveSampleSizes: [], tree: [] },
  };
}

type Scored = SearchCandidate & { readonly score: number };

const scoreOf = ({ verifier }: Arm, { right, meanLogprob }: SearchCandidate): number =>
  verifier === "outcome" ? Number(right) : Math.min(1, Math.exp(meanLogprob));

/** The best judged; of equals one that ended by itself, then the likeliest, then the first. */
const bestOf = (candidates: readonly Scored[]): Scored | undefined => {
  const most = Math.max(...candidates.map(({ score }) => score));
  return (
    likeliestOf(candidates.filter(({ score, hasStopped }) => score === most && hasStopped)) ??
    likeliestOf(candidates)
  );
};

/** The best judged; of equals the likeliest, then the first. */
const likeliestOf = (candidates: readonly Scored[]): Scored | undefined =>
  candidates.toSorted((a, b) => b.score - a.score || b.meanLogprob - a.meanLogprob)[0];

/** Of those that gave the answer with most weight the likeliest. Answers that were cut off vote if there are no others. */
function voted(candidates: readonly Scored[]): Scored | undefined {
  const stopped = candidates.filter(({ hasStopped }) => hasStopped);
  const allowed = stopped.length > 0 ? stopped : candidates;
  const voters = allowed.filter(({ answer }) => answer !== "");
  const sums = [...Map.groupBy(voters, ({ answer }) => answer)].map(([answer, ballots]) => ({
    answer,
    weight: ballots.reduce((sum, { score }) => sum + score, 0),
    likelihood: ballots.reduce((sum, { meanLogprob }) => sum + meanLogprob, 0) / ballots.length,
  }));
  const [winner] = sums.toSorted((a, b) => b.weight - a.weight || b.likelihood - a.likelihood);
  const eligible = allowed.filter(({ answer }) => answer === winner?.answer);
  return likeliestOf(eligible.length > 0 ? eligible : allowed);
}
