/**
 * Lookahead search: a beam whose candidates are judged by where k further greedy steps lead.
 * Source: Snell et al. (2408.03314), who count its cost as N·(k + 1) and find it the worst at equal cost.
 * Cost: as beam, and k steps and a verdict more a candidate and step.
 */
import { BEAM_PROPERTIES, type BeamParameters, beamSearch } from "./beam.ts";
import { choose } from "./choosing.ts";
import {
  JUDGED_STEPS,
  type Candidate,
  type Run,
  type Search,
  type Strategy,
  withParameters,
} from "./strategy.ts";

interface Parameters extends BeamParameters {
  readonly depth: number;
}

/** Beam search under lookahead. */
export const lookahead: Strategy = {
  name: "lookahead",
  description: "Beam search that judges a candidate by where k further greedy steps lead.",
  parameters: {
    type: "object",
    properties: {
      ...BEAM_PROPERTIES,
      depth: { type: "integer", minimum: 1, maximum: 8, default: 1, description: "k: steps looked ahead." },
    },
    additionalProperties: false,
  },
  source: "arXiv:2408.03314",
  cost: "about N·(k + 1) answers, N verdicts a step",
  ...JUDGED_STEPS,
  run: withParameters(run),
};

async function* run(search: Search, parameters: Parameters): Run {
  const last = await beamSearch(search, parameters, (live) => judgeAhead(search, live, parameters.depth));
  return choose(search, last, parameters.choose);
}

async function judgeAhead(search: Search, live: readonly Candidate[], depth: number): Promise<number[]> {
  const scouts = await search.fork(live);
  for (let step = 0; step < depth; step++) {
    if (!(await search.step(scouts, "step", { temperature: 0 }))) break;
  }
  const scores = await search.score(scouts, "process");
  search.drop(scouts);
  return scores;
}
