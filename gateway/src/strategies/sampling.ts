/** What strategies of whole answers share. */
import { isSound } from "./standing.ts";
import type { Candidate, Search } from "./strategy.ts";
import { meanLogprob } from "./votes.ts";

/** All the answers the budget allows, grown to their ends in one batch; what they share streams while they grow. */
export async function sampleAll(search: Search): Promise<Candidate[]> {
  const samples = await search.fork(Array.from({ length: search.width }, () => search.root));
  search.drop([search.root]);
  await search.step(samples, "end");
  return samples;
}

/** `count` independent answers, grown to their ends in one batch; more may follow. */
export async function sampleAnswers(search: Search, count: number): Promise<Candidate[]> {
  const samples = await search.fork(Array.from({ length: count }, () => search.root));
  await search.step(samples, "end");
  return samples;
}

/** Candidates by score, best first, failed ones last; of equals, the likeliest tokens first, then the older candidate. */
export function byScore(candidates: readonly Candidate[], scores: readonly number[]): Candidate[] {
  return candidates
    .map((candidate, index) => ({ candidate, score: scores[index] ?? 0 }))
    .sort(
      (a, b) =>
        Number(isSound(b.candidate)) - Number(isSound(a.candidate)) ||
        b.score - a.score ||
        meanLogprob(b.candidate) - meanLogprob(a.candidate) ||
        a.candidate.id - b.candidate.id,
    )
    .map(({ candidate }) => candidate);
}
