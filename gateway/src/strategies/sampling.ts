/** What strategies of whole answers share. */
import { isSound, preferring } from "./standing.ts";
import type { Candidate, Search } from "./strategy.ts";
import { meanLogprob } from "./votes.ts";

/** As many candidates as the budget allows, where the prompt ends; it is given up, so that what they share streams. */
export async function startAll(search: Search, count = search.width): Promise<Candidate[]> {
  const candidates = await startSome(search, count);
  search.drop([search.root]);
  return candidates;
}

/** `count` candidates where the prompt ends; more may follow. */
export function startSome(search: Search, count: number): Promise<Candidate[]> {
  return search.fork(Array.from({ length: count }, () => search.root));
}

/** All the answers the budget allows, grown to their ends in one batch; what they share streams while they grow. */
export async function sampleAll(search: Search): Promise<Candidate[]> {
  const samples = await startAll(search);
  await search.step(samples, "end");
  return samples;
}

/** `count` independent answers, grown to their ends in one batch; more may follow. */
export async function sampleAnswers(search: Search, count: number): Promise<Candidate[]> {
  const samples = await startSome(search, count);
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

/** The best of finished answers: by score; of equals, one that came to its own end before one that was cut, then as `byScore`. */
export function bestOf(candidates: readonly Candidate[], scores: readonly number[]): Candidate | undefined {
  const ranked = byScore(candidates, scores);
  const scoreOf = (one: Candidate | undefined) => one && scores[candidates.indexOf(one)];
  const equals = ranked.filter(
    (one) => isSound(one) === ranked.some(isSound) && scoreOf(one) === scoreOf(ranked[0]),
  );
  return preferring(equals, ({ ended }) => ended === "stop")[0];
}
