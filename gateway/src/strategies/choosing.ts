/** How a search by steps chooses among its last candidates. */
import { drawIndex } from "./random.ts";
import { logWeight, softmax, type Weighting } from "./resampling.ts";
import { bestOf } from "./sampling.ts";
import { isOpen, preferring, soundOf } from "./standing.ts";
import type { AnswerTally, Candidate, Search } from "./strategy.ts";
import { elect } from "./votes.ts";

/** "best": best judged; "vote": answers weighted by score; "sample": one drawn by weight. */
export type Choosing = "best" | "vote" | "sample";

/** Schema of the parameter. */
export const CHOOSE = {
  type: "string",
  enum: ["best", "vote", "sample"],
  default: "best",
  description:
    "Among the last candidates: the best judged, the answer with most weight, or one drawn by weight.",
};

/**
 * Scores the last candidates (as finished answers) and chooses. Those that the budget cut are chosen only if there are no others: what a
 * beginning promises is no answer.
 */
export async function choose(
  search: Search,
  all: readonly Candidate[],
  choosing: Choosing,
  weighting: Weighting = "coded",
): Promise<{ readonly chosen: Candidate; readonly answers?: readonly AnswerTally[] }> {
  const candidates = preferring(soundOf(all), (one) => !isOpen(one));
  const scores = await search.score(candidates, "outcome");
  const best = bestOf(candidates, scores) ?? search.root;
  if (choosing === "best") return { chosen: best };
  if (choosing === "vote") {
    return elect(
      search,
      candidates.map((candidate, index) => ({ candidate, weight: scores[index] ?? 0 })),
    );
  }
  const weights = softmax(scores.map((score) => logWeight(score, weighting)));
  return { chosen: candidates[drawIndex(search.random, weights)] ?? best };
}
