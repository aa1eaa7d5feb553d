/**
 * Diverse verifier tree search: N/M independent trees, each of which keeps its own best candidate and continues it M ways, so
 * that one early favourite cannot take the whole beam. Source: Beeching, Tunstall and Rush, search-and-learn (2024).
 * Cost: about N answers and N verdicts a step.
 */
import { BEAM_PROPERTIES, type BeamParameters, spread } from "./beam.ts";
import { choose } from "./choosing.ts";
import { byScore, startAll } from "./sampling.ts";
import { isOpen } from "./standing.ts";
import {
  JUDGED_STEPS,
  type Candidate,
  type Run,
  type Search,
  type Strategy,
  withParameters,
} from "./strategy.ts";

/** Independent greedy trees. */
export const dvts: Strategy = {
  name: "dvts",
  description: "N/M independent trees; each keeps its best candidate and continues it M ways.",
  parameters: { type: "object", properties: BEAM_PROPERTIES, additionalProperties: false },
  source: "search-and-learn, Hugging Face, 2024",
  cost: "about N answers, N verdicts a step; shared beginnings once",
  ...JUDGED_STEPS,
  run: withParameters(run),
};

async function* run(search: Search, { branching, max_steps, choose: choosing }: BeamParameters): Run {
  const members = Math.min(branching, search.width);
  const first = await startAll(search, Math.floor(search.width / members) * members);
  let trees = Array.from({ length: first.length / members }, (_, i) =>
    first.slice(i * members, (i + 1) * members),
  );
  for (let step = 1; trees.flat().some(isOpen); step++) {
    const live = trees.flat();
    if (!(await search.step(live, step > max_steps ? "end" : "step")) || !live.some(isOpen)) break;
    const scores = await search.score(live, "process");
    const scoreOf = new Map(live.map((candidate, i) => [candidate, scores[i] ?? 0]));
    const next: Candidate[][] = [];
    for (const tree of trees) {
      const best = byScore(
        tree,
        tree.map((candidate) => scoreOf.get(candidate) ?? 0),
      ).slice(0, 1);
      next.push(await spread(search, tree, best, members));
    }
    trees = next;
  }
  return choose(search, trees.flat(), choosing);
}
