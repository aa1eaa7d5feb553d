/**
 * Beam search by steps: N candidates grow by a step, the best N/M stay, each continued M ways; the last ones vote, weighted
 * by score. Source: Snell et al. (2408.03314); search-and-learn. Cost: about N answers and N verdicts a step.
 */
import { choose, CHOOSE, type Choosing } from "./choosing.ts";
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

/** Parameters of beams. */
export interface BeamParameters {
  readonly branching: number;
  readonly max_steps: number;
  readonly choose: Choosing;
}

/** Schema of what all beams take. */
export const BEAM_PROPERTIES = {
  branching: {
    type: "integer",
    minimum: 2,
    maximum: 64,
    default: 4,
    description: "M: ways in which each kept candidate is continued; at most N.",
  },
  max_steps: {
    type: "integer",
    minimum: 1,
    maximum: 256,
    default: 40,
    description: "After so many steps answers are finished without further selection.",
  },
  choose: { ...CHOOSE, default: "vote" },
};

/** Beam search. */
export const beam: Strategy = {
  name: "beam",
  description: "After every step the best N/M of N candidates stay, each continued M ways.",
  parameters: { type: "object", properties: BEAM_PROPERTIES, additionalProperties: false },
  source: "arXiv:2408.03314",
  cost: "about N answers, N verdicts a step; shared beginnings once",
  ...JUDGED_STEPS,
  run: withParameters(run),
};

async function* run(search: Search, parameters: BeamParameters): Run {
  const last = await beamSearch(search, parameters, (live) => search.score(live, "process"));
  return choose(search, last, parameters.choose);
}

/** The beam itself, under any judgement of unfinished candidates; answers with the last ones. */
export async function beamSearch(
  search: Search,
  { branching, max_steps }: BeamParameters,
  judge: (live: readonly Candidate[]) => Promise<number[]>,
): Promise<Candidate[]> {
  let live = await startAll(search);
  for (let step = 1; live.some(isOpen); step++) {
    if (!(await search.step(live, step > max_steps ? "end" : "step")) || !live.some(isOpen)) break;
    const kept = byScore(live, await judge(live)).slice(0, Math.max(1, Math.floor(search.width / branching)));
    live = await spread(search, live, kept, search.width);
  }
  return live;
}

/** Keeps some candidates and forks the open ones, in turn, until there are `count`; the others are given up. */
export async function spread(
  search: Search,
  live: readonly Candidate[],
  kept: readonly Candidate[],
  count: number,
): Promise<Candidate[]> {
  const open = kept.filter(isOpen);
  const missing = open.length === 0 ? 0 : count - kept.length;
  const parents = Array.from({ length: Math.max(0, missing) }, (_, i) => open[i % open.length]);
  const forked = await search.fork(parents.flatMap((parent) => parent ?? []));
  search.drop(live.filter((candidate) => !kept.includes(candidate)));
  return [...kept, ...forked];
}
