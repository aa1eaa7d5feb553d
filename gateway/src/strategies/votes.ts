/** Votes for canonical answers, and the candidate that stands for the winner. Cost: linear in the candidates. */
import { soundOf } from "./standing.ts";
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
  const whole = ballots.filter(({ candidate }) => candidate.ended === "stop");
  const sums = new Map<string, { weight: number; votes: number; likelihood: number }>();
  for (const { candidate, weight } of whole.length > 0 ? whole : soundOf(ballots, candidateOf)) {
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
 * The candidate to show for the winning answer: of those that gave it, the one whose vote weighs most, then the likeliest.
 * Without any answer: the same among all.
 */
export function representative(
  search: Search,
  ballots: readonly Ballot[],
  answers: readonly AnswerTally[],
): Candidate {
  const winner = answers[0]?.answer;
  const sound = soundOf(ballots, candidateOf);
  const eligible = sound.filter(({ candidate }) => search.answer(candidate) === winner);
  const best = (eligible.length > 0 ? eligible : sound).reduce((a, b) => {
    const gain = b.weight - a.weight || meanLogprob(b.candidate) - meanLogprob(a.candidate);
    return gain > 0 ? b : a;
  });
  return best.candidate;
}

function candidateOf({ candidate }: Ballot): Candidate {
  return candidate;
}

/** Mean log-probability of a candidate's tokens, nats. */
export function meanLogprob({ logprob, tokens }: Candidate): number {
  return tokens === 0 ? 0 : logprob / tokens;
}
