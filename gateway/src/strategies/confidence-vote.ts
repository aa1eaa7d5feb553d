/**
 * Votes weighted by the model's own confidence, without any verifier.
 * Sources: self-certainty with Borda votes, rank r of N counts (N − r)^p, those without an answer last (2502.18581); DeepConf (2508.15260): signals of
 * token confidence (mean, lowest or tenth of windows, tail), the share of best traces kept, and, with `warmup`, stopping
 * early the traces whose confidence in a window falls below that of the warm-up traces, and all of them at a consensus.
 * The windows are shorter than the paper's 2,048 tokens, as are the answers of small models.
 * Cost: at most N answers, no verdict; 20 alternatives a token are read.
 */
import { byScore, sampleAnswers, startSome } from "./sampling.ts";
import { lowestWindow, type Signal, signalOf } from "./signals.ts";
import { isOpen, soundOf } from "./standing.ts";
import {
  type AnswerTally,
  type Candidate,
  type Run,
  type Search,
  type Strategy,
  VOTES_ALONE,
  withParameters,
} from "./strategy.ts";
import { type Ballot, elect, votersFirst } from "./votes.ts";

interface Parameters {
  readonly signal: Signal;
  readonly window: number;
  readonly keep: number;
  readonly borda: number;
  readonly warmup: number;
  readonly percentile: number;
  readonly consensus: number;
}

const share = (value: number, description: string) => ({
  ...{ type: "number", minimum: 0, maximum: 1, default: value },
  description,
});

/** Confidence voting. */
export const confidenceVote: Strategy = {
  name: "confidence-vote",
  description: "N answers vote by the model's own confidence; weak ones may be stopped early.",
  parameters: {
    type: "object",
    properties: {
      signal: {
        type: "string",
        enum: ["certainty", "mean", "lowest", "bottom", "tail"],
        default: "certainty",
        description:
          "Self-certainty, or DeepConf's mean, lowest window, worst tenth of windows, last window.",
      },
      window: { type: "integer", minimum: 4, maximum: 2048, default: 32, description: "Tokens of a window." },
      keep: share(1, "Share of most confident answers that vote."),
      borda: {
        ...{ type: "number", minimum: -1, maximum: 10, default: 0.5 },
        description: "Power of Borda votes; 0 is a majority, -1 weighs by the signal itself.",
      },
      warmup: {
        type: "integer",
        minimum: 0,
        maximum: 256,
        default: 0,
        description: "Answers before early stops; 0: none.",
      },
      percentile: share(0.1, "Of the warm-up's lowest windows: below it an answer is stopped."),
      consensus: share(0.95, "Share of the leading answer at which nothing more is generated."),
    },
    additionalProperties: false,
  },
  source: "arXiv:2502.18581, arXiv:2508.15260",
  cost: "at most N answers; no verifier",
  ...VOTES_ALONE,
  needsConfidence: true,
  run: withParameters(run),
};

async function* run(search: Search, parameters: Parameters): Run {
  const { warmup, percentile, window, consensus } = parameters;
  const isOnline = warmup > 0 && warmup < search.width;
  const samples = await sampleAnswers(search, isOnline ? warmup : search.width);
  let answers = voteOf(search, samples, parameters).answers;
  let settled = false;
  if (isOnline) {
    const lows = samples.map((sample) => lowestWindow(sample.confidences, window)).toSorted((a, b) => a - b);
    const threshold = lows[Math.floor(percentile * (lows.length - 1))] ?? 0;
    let drawn = samples.length;
    while (drawn < search.width && !(settled = agree(answers) >= consensus)) {
      const count = Math.min(warmup, search.width - drawn);
      drawn += count;
      const { sampled, finished } = await sampleWatched(search, count, window, threshold);
      samples.push(...finished);
      answers = voteOf(search, samples, parameters).answers;
      if (!sampled) break;
    }
  }
  search.drop([search.root]);
  return { ...voteOf(search, samples, parameters), settled };
}

/** Answers of which those are given up whose confidence in a window falls below the threshold. */
async function sampleWatched(search: Search, count: number, window: number, threshold: number) {
  let open = await startSome(search, count);
  const finished: Candidate[] = [];
  let sampled = true;
  while (open.length > 0 && sampled) {
    sampled = await search.step(open, { tokens: window });
    const weak = open.filter(({ confidences }) => lowestWindow(confidences, window) < threshold);
    search.drop(weak);
    finished.push(...open.filter((one) => !isOpen(one) && !weak.includes(one)));
    open = open.filter((one) => isOpen(one) && !weak.includes(one));
  }
  search.drop(open);
  return { sampled, finished };
}

function voteOf(search: Search, all: readonly Candidate[], { signal, window, keep, borda }: Parameters) {
  const samples = soundOf(all);
  const signals = samples.map((sample) => signalOf(sample, signal, window));
  const signalBy = new Map(samples.map((sample, i) => [sample, signals[i] ?? 0]));
  // Whoever repeats itself for ever is the surest of all: what cannot vote takes nobody's place.
  const ranked = votersFirst(search, byScore(samples, signals));
  const kept = ranked.slice(0, Math.max(1, Math.ceil(keep * ranked.length)));
  const ballots: Ballot[] = kept.map((candidate, rank) => ({
    candidate,
    weight: borda < 0 ? (signalBy.get(candidate) ?? 0) : (kept.length - rank) ** borda,
  }));
  return elect(search, ballots);
}

/** Share of the leading answer. */
function agree(answers: readonly AnswerTally[]): number {
  const total = answers.reduce((sum, { votes }) => sum + votes, 0);
  return total === 0 ? 0 : (answers[0]?.votes ?? 0) / total;
}
