/** The likeliest token at every place: the baseline every search has to beat. Cost: one answer. */
import type { Run, Search, Strategy } from "./strategy.ts";

/** One greedy answer. */
export const greedy: Strategy = {
  name: "greedy",
  description: "One answer of the likeliest tokens; streams as it is generated.",
  parameters: { type: "object", properties: {}, additionalProperties: false },
  source: "the usual baseline",
  cost: "one answer",
  verifiers: [],
  needsVerifier: false,
  stepwise: false,
  votes: false,
  candidates: 1,
  run,
};

async function* run(search: Search): Run {
  const answers = await search.fork([search.root]);
  search.drop([search.root]);
  await search.step(answers, "end", { temperature: 0 });
  const [chosen = search.root] = answers;
  return { chosen };
}
