/**
 * Votes reweighted by surface features: weight σ(b·x)^α with x the log length and the rates of hedging, thinking and
 * discourse words, centred within the request's own candidates, so that difficulty does not count as length.
 * Source: "Think Deep, Think Fast" (2504.14047); the word lists are ours. The paper's signs are those of reasoning models; the
 * defaults here follow them and are not fitted: fit them on problems of your own. Cost: N answers, no verdict.
 */
import { sampleAll } from "./sampling.ts";
import { soundOf } from "./standing.ts";
import {
  type Candidate,
  type Run,
  type Search,
  type Strategy,
  VOTES_ALONE,
  withParameters,
} from "./strategy.ts";
import { elect, votersFirst } from "./votes.ts";

interface Parameters {
  readonly log_length: number;
  readonly hedging: number;
  readonly thinking: number;
  readonly discourse: number;
  readonly alpha: number;
  readonly shortest: number;
}

const WORDS = {
  hedging: /\b(?:maybe|perhaps|possibly|might|i think|not sure|probably)\b/gi,
  thinking: /\b(?:wait|hmm|let me|actually|alternatively|check)\b/gi,
  discourse: /\b(?:first|then|therefore|so|because|finally|thus)\b/gi,
} as const;
const PER_WORDS = 100;

const coefficient = (value: number, description: string) => ({
  ...{ type: "number", minimum: -100, maximum: 100, default: value },
  description,
});

/** Votes by surface features. */
export const featureVote: Strategy = {
  name: "feature-vote",
  description: "N answers vote, weighted by length and marker words.",
  parameters: {
    type: "object",
    properties: {
      log_length: coefficient(-1, "A nat of length."),
      hedging: coefficient(-0.2, "A hedging word in 100."),
      thinking: coefficient(-0.2, "A thinking word in 100."),
      discourse: coefficient(0.1, "A discourse word in 100."),
      alpha: { ...coefficient(1, "Power of the weight."), minimum: 0, maximum: 8 },
      shortest: {
        ...{ type: "number", exclusiveMinimum: 0, maximum: 1, default: 1 },
        description: "Share of the shortest answers that vote.",
      },
    },
    additionalProperties: false,
  },
  source: "arXiv:2504.14047",
  cost: "N answers; no verifier",
  ...VOTES_ALONE,
  run: withParameters(run),
};

async function* run(search: Search, parameters: Parameters): Run {
  const samples = await sampleAll(search);
  const byLength = soundOf(samples).toSorted((a, b) => a.tokens - b.tokens || a.id - b.id);
  const voters = votersFirst(search, byLength).slice(0, Math.ceil(parameters.shortest * byLength.length));
  const logits = voters.map((voter) => logitOf(voter, parameters));
  const centre = logits.reduce((sum, logit) => sum + logit, 0) / logits.length;
  const ballots = voters.map((candidate, i) => ({
    candidate,
    weight: (1 / (1 + Math.exp(centre - (logits[i] ?? 0)))) ** parameters.alpha,
  }));
  return elect(search, ballots);
}

function logitOf({ text, tokens }: Candidate, parameters: Parameters): number {
  const words = Math.max(1, text.split(/\s+/).length);
  const rate = (pattern: RegExp): number => ((text.match(pattern)?.length ?? 0) * PER_WORDS) / words;
  return (
    parameters.log_length * Math.log(Math.max(1, tokens)) +
    parameters.hedging * rate(WORDS.hedging) +
    parameters.thinking * rate(WORDS.thinking) +
    parameters.discourse * rate(WORDS.discourse)
  );
}
