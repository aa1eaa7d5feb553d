/**
 * N independent answers, of which the best judged is chosen (of equals, the likeliest).
 * Source: Cobbe et al., "Training Verifiers to Solve Math Word Problems" (2110.14168). Cost: N answers, N verdicts.
 */
import { bestOf, sampleAll } from "./sampling.ts";
import type { Run, Search, Strategy } from "./strategy.ts";

/** Independent samples, the best judged of them. */
export const bestOfN: Strategy = {
  name: "best-of-n",
  description: "N independent answers; the best judged is chosen.",
  parameters: { type: "object", properties: {}, additionalProperties: false },
  source: "arXiv:2110.14168",
  cost: "N answers and N verdicts; the prompt once",
  verifiers: ["outcome", "process"],
  needsVerifier: true,
  stepwise: false,
  votes: false,
  candidates: 8,
  run,
};

async function* run(search: Search): Run {
  const samples = await sampleAll(search);
  const scores = await search.score(samples, "outcome");
  return { chosen: bestOf(samples, scores) ?? search.root };
}
