/**
 * Majority vote over independent answers, which stops as soon as the majority is settled: answers come in rounds, and
 * after each one the chance that the leader is not the true majority is bounded by a Beta posterior over the top two.
 * Source: Wang et al. (2203.11171); stopping: Aggarwal et al., "Let's Sample Step by Step" (2305.11860).
 * Cost: at most N answers, no verdict; adaptive stopping saves what would not change the vote.
 */
import {
  type AnswerTally,
  type Candidate,
  type Run,
  type Search,
  type Strategy,
  VOTES_ALONE,
  withParameters,
} from "./strategy.ts";
import { sampleAnswers } from "./sampling.ts";
import { elect, evenBallots, tally } from "./votes.ts";

interface Parameters {
  readonly adaptive: boolean;
  readonly confidence: number;
  readonly round: number;
}

/** Majority vote with adaptive stopping. */
export const selfConsistency: Strategy = {
  name: "self-consistency",
  description: "Majority vote over up to N answers; stops when the majority is settled.",
  parameters: {
    type: "object",
    properties: {
      adaptive: { type: "boolean", default: true, description: "Stop when the majority is settled." },
      confidence: {
        type: "number",
        minimum: 0.5,
        maximum: 0.9999,
        default: 0.95,
        description: "Posterior probability of the leading answer at which it is settled.",
      },
      round: { type: "integer", minimum: 1, maximum: 64, default: 4, description: "Answers a round." },
    },
    additionalProperties: false,
  },
  source: "arXiv:2203.11171, arXiv:2305.11860",
  cost: "at most N answers, in rounds; no verifier",
  ...VOTES_ALONE,
  run: withParameters(run),
};

async function* run(search: Search, { adaptive, confidence, round }: Parameters): Run {
  const samples: Candidate[] = [];
  let settled = false;
  let isGoing = true;
  for (let drawn = 0; drawn < search.width && !settled && isGoing;) {
    const count = Math.min(adaptive ? round : search.width, search.width - drawn);
    const begun = (await sampleAnswers(search, count)).filter(({ tokens }) => tokens > 0);
    drawn += count;
    samples.push(...begun);
    isGoing = begun.length > 0;
    settled = adaptive && drawn < search.width && isSettled(tally(search, evenBallots(samples)), confidence);
  }
  search.drop([search.root]);
  if (samples.length === 0) samples.push(...(await search.fork([search.root])));
  return { ...elect(search, evenBallots(samples)), settled };
}

/** P(the leader's share exceeds the runner-up's) under a uniform prior over the two. */
function isSettled([first, second]: readonly AnswerTally[], confidence: number): boolean {
  if (first === undefined) return false;
  return leads(first.votes, second?.votes ?? 0) >= confidence;
}

/** 1 − I½(a + 1, b + 1): the chance that at most `a` of a + b + 1 fair coins show heads. */
function leads(a: number, b: number): number {
  const coins = a + b + 1;
  let ways = 1;
  let sum = 0;
  for (let heads = 0; heads <= a; heads++) {
    sum += ways;
    ways *= (coins - heads) / (heads + 1);
  }
  return sum / 2 ** coins;
}
