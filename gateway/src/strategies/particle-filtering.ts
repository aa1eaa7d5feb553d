/**
 * Particle filtering: N candidates grow by a step, are judged, and are redrawn by weight; nothing is pruned for good on one
 * bad verdict. Source: Puri et al., "Rollout Roulette" (2502.01618), and the authors' code; the two differ in the weights
 * (see `weights`). Cost: about N answers and N verdicts a step; forks share what they have in common.
 */
import { choose } from "./choosing.ts";
import { filter, FILTER_PROPERTIES, type FilterParameters } from "./filter.ts";
import { startAll } from "./sampling.ts";
import { JUDGED_STEPS, type Run, type Search, type Strategy, withParameters } from "./strategy.ts";

/** Particle filtering. */
export const particleFiltering: Strategy = {
  name: "particle-filtering",
  description: "N candidates, judged after every step and redrawn by weight.",
  parameters: { type: "object", properties: FILTER_PROPERTIES, additionalProperties: false },
  source: "arXiv:2502.01618",
  cost: "about N answers, N verdicts a step; shared beginnings once",
  ...JUDGED_STEPS,
  run: withParameters(run),
};

async function* run(search: Search, parameters: FilterParameters): Run {
  const last = yield* filter(search, await startAll(search), parameters);
  return choose(search, last, parameters.choose, parameters.weights);
}
