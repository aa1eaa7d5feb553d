/** The strategies by name, in the order in which they are listed. To add one: a file beside these, and a line here. */
import { TrimtabError } from "#kit/errors.ts";
import { quoted } from "#kit/printable.ts";
import { abMcts } from "./ab-mcts.ts";
import { aStar } from "./a-star.ts";
import { createAuto } from "./auto.ts";
import { beam } from "./beam.ts";
import { bestOfN } from "./best-of-n.ts";
import { confidenceVote } from "./confidence-vote.ts";
import { dvts } from "./dvts.ts";
import { entropicParticleFiltering } from "./entropic-particle-filtering.ts";
import { featureVote } from "./feature-vote.ts";
import { greedy } from "./greedy.ts";
import { lookahead } from "./lookahead.ts";
import { parallelTempering } from "./parallel-tempering.ts";
import { particleFiltering } from "./particle-filtering.ts";
import { particleGibbs } from "./particle-gibbs.ts";
import { revision } from "./revision.ts";
import { selfConsistency } from "./self-consistency.ts";
import { steeredProposal } from "./steered-proposal.ts";
import type { Strategy } from "./strategy.ts";
import { weightedMajority } from "./weighted-majority.ts";

/** The name that asks for no search. */
export const NO_STRATEGY = "none";

const SINGLE: readonly Strategy[] = [
  greedy,
  selfConsistency,
  bestOfN,
  weightedMajority,
  confidenceVote,
  featureVote,
  beam,
  lookahead,
  dvts,
  particleFiltering,
  entropicParticleFiltering,
  particleGibbs,
  parallelTempering,
  aStar,
  revision,
  abMcts,
  steeredProposal,
];

/** All strategies; the last one chooses among the others. */
export const STRATEGIES: readonly Strategy[] = [...SINGLE, createAuto(SINGLE)];

/** The strategy of a name; undefined for "none" and the empty name. @throws TrimtabError STRATEGY_NOT_FOUND. */
export function findStrategy(name: string): Strategy | undefined {
  if (name === "" || name === NO_STRATEGY) return undefined;
  const found = STRATEGIES.find((strategy) => strategy.name === name);
  if (found) return found;
  const known = [NO_STRATEGY, ...STRATEGIES.map((strategy) => strategy.name)].join(", ");
  const message = `there is no strategy ${quoted(name)}; known: ${known}`;
  throw new TrimtabError("STRATEGY_NOT_FOUND", message, { field: "scaling.strategy" });
}
