/**
 * Compute-optimal scaling: a few probes estimate how hard the prompt is, a table says which strategy pays at that
 * difficulty, and what the probes cost is part of the bill. Source: Snell et al. (2408.03314), who leave the probes out of it.
 * Difficulty is 1 − the mean score of the probes, or without a verifier 1 − the share of their leading answer. The default
 * table restates the paper's findings (easy: votes; medium: step search; the rest: wide sampling) and is not fitted: fit it by
 * cross-validation on problems of your own, store it, and name it as `table`. Cost: the probes, then the chosen strategy.
 */
import { narrowed } from "./narrowed.ts";
import { sampleAnswers } from "./sampling.ts";
import { soundOf } from "./standing.ts";
import {
  type Candidate,
  defaultsOf,
  type Run,
  type Search,
  type Strategy,
  withParameters,
} from "./strategy.ts";
import { elect, evenBallots, tally } from "./votes.ts";

/** One row: prompts up to this difficulty run this strategy. */
interface Row {
  readonly up_to: number;
  readonly strategy: string;
}

interface Parameters {
  readonly probes: number;
  readonly settled: number;
  readonly table: readonly Row[];
}

const TABLE: readonly Row[] = [
  { up_to: 0.4, strategy: "weighted-majority" },
  { up_to: 0.8, strategy: "particle-filtering" },
  { up_to: 1, strategy: "best-of-n" },
];

/** The policy over the given strategies, which run with their defaults. */
export function createAuto(strategies: readonly Strategy[]): Strategy {
  const names = strategies.map(({ name }) => name);
  return {
    name: "auto",
    description: "Probes the prompt's difficulty and runs the strategy that pays at it.",
    parameters: {
      type: "object",
      properties: {
        probes: {
          type: "integer",
          minimum: 1,
          maximum: 64,
          default: 4,
          description: "Answers sampled first, of N.",
        },
        settled: {
          ...{ type: "number", minimum: 0, maximum: 1, default: 0.05 },
          description: "Difficulty up to which the probes' own answer is taken.",
        },
        table: {
          default: TABLE.map((row) => ({ ...row })),
          description:
            "Rows by rising difficulty, one whose strategy lacks its verifier is passed over; or a stored table by name.",
          anyOf: [
            { type: "array", minItems: 1, maxItems: 16, items: rowSchema(names) },
            { type: "string", minLength: 1, maxLength: 160 },
          ],
        },
      },
      additionalProperties: false,
    },
    source: "arXiv:2408.03314; the default table is not fitted",
    cost: "the probes, then the chosen strategy with the rest of N",
    verifiers: ["outcome", "process"],
    needsVerifier: false,
    stepwise: true,
    votes: true,
    candidates: 16,
    mayRun: ({ table }) => strategiesOf(table as unknown as readonly Row[], strategies),
    run: withParameters((search, parameters: Parameters) => run(search, parameters, strategies)),
  };
}

const rowSchema = (names: string[]) => ({
  type: "object",
  properties: {
    up_to: { type: "number", minimum: 0, maximum: 1 },
    strategy: { type: "string", enum: names },
  },
  required: ["up_to", "strategy"],
  additionalProperties: false,
});

async function* run(
  search: Search,
  { probes, settled, table }: Parameters,
  strategies: readonly Strategy[],
): Run {
  const count = Math.min(probes, search.width);
  const samples = soundOf(await sampleAnswers(search, count));
  const judged = search.judges("outcome") ? await search.score(samples, "outcome") : undefined;
  const difficulty = judged ? 1 - mean(judged) : 1 - agreement(search, samples);
  const rows = table.filter(({ up_to }) => difficulty <= up_to);
  const chosen = strategiesOf(rows, strategies).find((strategy) => canRun(search, strategy));
  const ballots = samples.map((candidate, i) => ({ candidate, weight: judged?.[i] ?? 1 }));
  if (difficulty <= settled || !chosen || search.width === count) {
    search.drop([search.root]);
    return { ...elect(search, ballots), settled: difficulty <= settled };
  }
  // What may be ended before it has begun well needs them to fall back on.
  let isUnderWay = !search.isBounded;
  if (isUnderWay) search.drop(samples);
  const rest = narrowed(search, search.width - count, () => {
    isUnderWay = true;
    search.drop(samples);
  });
  const outcome = yield* chosen.run(rest, defaultsOf(chosen));
  if (!isUnderWay && outcome.chosen.ended === undefined) return elect(search, ballots);
  return { ...outcome, ran: chosen.name };
}

const strategiesOf = (rows: readonly Row[], strategies: readonly Strategy[]): Strategy[] =>
  rows.flatMap((row) => strategies.filter(({ name }) => name === row.strategy));

function canRun(search: Search, strategy: Strategy): boolean {
  return !strategy.needsVerifier || strategy.verifiers.some((judging) => search.judges(judging));
}

/** Share of the leading answer among all probes. */
function agreement(search: Search, samples: readonly Candidate[]): number {
  const answers = tally(search, evenBallots(samples));
  return (answers[0]?.votes ?? 0) / samples.length;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
