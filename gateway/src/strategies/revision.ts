/**
 * Sequential revision: each answer is given with the earlier attempts of its chain in view (the last four); among all of
 * them the best judged is chosen, or the majority without a verifier. `chains` mixes it with parallel answers; 0 is √N.
 * Source: Snell et al. (2408.03314), whose model was trained to revise: prompting alone is weaker, and without a choice a
 * third of right answers are revised into wrong ones. Needs a conversation. Cost: N answers, and a prefill of each attempt.
 */
import { choose } from "./choosing.ts";
import { startSome } from "./sampling.ts";
import { isSound, soundOf } from "./standing.ts";
import { type Candidate, type Run, type Search, type Strategy, withParameters } from "./strategy.ts";
import { elect, evenBallots } from "./votes.ts";

interface Parameters {
  readonly chains: number;
  readonly request: string;
}

const SHOWN_ATTEMPTS = 4;
const REQUEST = "There may be a mistake in this answer. Check it, and give a corrected full answer.";

/** The parameter with which an answer is asked for again. */
export const REQUEST_PROPERTY = {
  type: "string",
  minLength: 1,
  maxLength: 2_000,
  default: REQUEST,
  description: "Said after an attempt to ask for a better one.",
};

/** Sequential revision, and mixes of it with parallel answers. */
export const revision: Strategy = {
  name: "sequential-revision",
  description: "Each answer is given with earlier attempts in view; chains run in parallel.",
  parameters: {
    type: "object",
    properties: {
      chains: {
        type: "integer",
        minimum: 0,
        maximum: 64,
        default: 1,
        description: "Parallel chains, at most N; 0: √N.",
      },
      request: REQUEST_PROPERTY,
    },
    additionalProperties: false,
  },
  source: "arXiv:2408.03314",
  cost: "N answers; every attempt is prefilled once more",
  verifiers: ["outcome", "process"],
  needsConversation: true,
  needsVerifier: false,
  stepwise: false,
  votes: true,
  candidates: 4,
  run: withParameters(run),
};

async function* run(search: Search, { chains, request }: Parameters): Run {
  const width = chains === 0 ? Math.round(Math.sqrt(search.width)) : Math.min(chains, search.width);
  const first = await startSome(search, width);
  let isWhole = await search.step(first, "end");
  const lines = soundOf(first).map((attempt) => [attempt]);
  for (let count = width; isWhole && count < search.width; count += width) {
    isWhole = await reviseAll(search, lines.slice(0, search.width - count), request);
  }
  // Only now: what the attempts so far share need not be what their revisions say.
  search.drop([search.root]);
  const attempts = lines.flat();
  return search.judges("outcome") ? choose(search, attempts, "best") : elect(search, evenBallots(attempts));
}

/** Adds an attempt to each chain whose attempts still fit into a prompt; false if the budget did not allow it. */
async function reviseAll(search: Search, lines: readonly Candidate[][], request: string): Promise<boolean> {
  const prompts: Candidate[] = [];
  const going: Candidate[][] = [];
  for (const attempts of lines) {
    const prompt = await search.revise(attempts.slice(-SHOWN_ATTEMPTS), request);
    if (!prompt) continue;
    prompts.push(prompt);
    going.push(attempts);
  }
  const next = await search.fork(prompts);
  search.drop(prompts);
  const isWhole = await search.step(next, "end");
  for (const [i, attempt] of next.entries()) {
    if (attempt.tokens > 0 && isSound(attempt)) going[i]?.push(attempt);
    else search.drop([attempt]);
  }
  return isWhole;
}
