/**
 * Weighted majority: N independent answers vote, each with its score. Source: Li et al. (2206.02336), called best-of-N
 * weighted by Snell et al. (2408.03314). Cost: N answers, N verdicts.
 */
import { choose } from "./choosing.ts";
import { sampleAll } from "./sampling.ts";
import type { Run, Search, Strategy } from "./strategy.ts";

/** Votes weighted by score. */
export const weightedMajority: Strategy = {
  name: "weighted-majority",
  description: "N independent answers vote, each with the weight of its score.",
  parameters: { type: "object", properties: {}, additionalProperties: false },
  source: "arXiv:2206.02336, arXiv:2408.03314",
  cost: "N answers and N verdicts; the prompt once",
  verifiers: ["outcome", "process"],
  needsVerifier: true,
  stepwise: false,
  votes: true,
  candidates: 8,
  run,
};

async function* run(search: Search): Run {
  const samples = await sampleAll(search);
  return choose(search, samples, "vote");
}
