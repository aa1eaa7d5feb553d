/** Votes for canonical answers, and the candidate that stands for the winner. Cost: linear in the candidates. */
import { isSound, preferring } from "./standing.ts";
import type { AnswerTally, Candidate, Search } from "./strategy.ts";

/** A candidate with the weight of its vote, at least 0. */
export interface Ballot {
  readonly candidate: Candidate;
  readonly weight: number;
}

/**
 * Weights summed by answer, heaviest first; of equal ones, the answer whose tokens were likelier on average comes first.
 * Candidates that did not come to their own end vote only if none did, failed ones only if all have.
 */
export function tally(search: Search, ballots: readonly Ballot[]): AnswerTally[] {
  const sums = new Map<string, { weight: number; votes: number; likelihood: number }>();
  for (const { candidate, weight } of votersOf(ballots)) {
    const answer = search.answer(candidate);
    if (answer === undefined) continue;
    const sum = sums.get(answer) ?? { weight: 0, votes: 0, likelihood: 0 };
    sum.weight += weight;
    sum.votes += 1;
    sum.likelihood += meanLogprob(candidate);
    sums.set(answer, sum);
  }
  return [...sums]
    .sort(([, a], [, b]) => b.weight - a.weight || b.likelihood / b.votes - a.likelihood / a.votes)
    .map(([answer, { weight, votes }]) => ({ answer, weight, votes }));
}

/**
 * The votes, and the candidate to show for the winning answer: of those that voted for it, the one whose vote weighs most, then the
 * likeliest. Without any answer: the same among all that may vote. There must be a ballot.
 */
export function elect(
  search: Search,
  ballots: readonly Ballot[],
): { readonly chosen: Candidate; readonly answers: readonly AnswerTally[] } {
  const answers = tally(search, ballots);
  const winner = answers[0]?.answer;
  const gave = ({ candidate }: Ballot): boolean => search.answer(candidate) === winner;
  const best = preferring(votersOf(ballots), gave).reduce((a, b) => {
    const gain = b.weight - a.weight || meanLogprob(b.candidate) - meanLogprob(a.candidate);
    return gain > 0 ? b : a;
  });
  return { chosen: best.candidate, answers };
}

/** Those that have an answer to vote for first, of them those that came to their own end; else in the order given. */
export function votersFirst(search: Search, candidates: readonly Candidate[]): Candidate[] {
  const placeOf = (one: Candidate): number =>
    search.answer(one) === undefined ? 2 : Number(one.ended !== "stop");
  return candidates.toSorted((a, b) => placeOf(a) - placeOf(b));
}

/** One vote each. */
export function evenBallots(candidates: readonly Candidate[]): Ballot[] {
  return candidates.map((candidate) => ({ candidate, weight: 1 }));
}

/** Those that came to their own end; all sound ones, if none did. */
function votersOf(ballots: readonly Ballot[]): readonly Ballot[] {
  const sound = preferring(ballots, ({ candidate }) => isSound(candidate));
  return preferring(sound, ({ candidate }) => candidate.ended === "stop");
}

/** Mean log-probability of a candidate's tokens, nats. */
export function meanLogprob({ logprob, tokens }: Candidate): number {
  return tokens === 0 ? 0 : logprob / tokens;
}
