/**
 * The table of `auto`, fitted: which strategy answers best at which difficulty. Source: Snell et al. (2408.03314): bins of
 * predicted difficulty, strategies chosen by cross-validation. Cost: nothing is sampled, folds × bins × strategies sums.
 */
import { createHash } from "node:crypto";
import { createRandom } from "../random.ts";
import { bootstrapDifference, type Interval, meanOf } from "../statistics.ts";

/** A problem that all strategies were run on. */
export interface Tried {
  readonly id: string;
  /** 0 to 1, as `auto` sees it: 1 − the mean score of its probes. */
  readonly difficulty: number;
  /** Whether each strategy was right. */
  readonly right: ReadonlyMap<string, boolean>;
}

/** A row of the table, as `auto` takes it. */
export interface PolicyRow {
  readonly up_to: number;
  readonly strategy: string;
}

/** What the policy is worth on problems it was not fitted on. */
export interface PolicyReport {
  readonly n: number;
  readonly accuracy: number;
  /** The best single strategy, chosen on the other folds too. */
  readonly single: number;
  /** The same tables with the difficulties of the problems exchanged. */
  readonly shuffled: number;
  readonly overSingle: Interval;
  readonly overShuffled: Interval;
}

const FOLDS = 5;
const SEED = 3;

/** A table of `bins` bins of equally many problems. @throws RangeError without problems or strategies. */
export function fitTable(problems: readonly Tried[], bins: number): PolicyRow[] {
  const sorted = problems.toSorted((a, b) => a.difficulty - b.difficulty);
  return Array.from({ length: bins }, (_, bin) => {
    const [from, to] = [bin, bin + 1].map((edge) => Math.round((edge * sorted.length) / bins));
    const inside = sorted.slice(from, to);
    const upTo = bin === bins - 1 ? 1 : (inside.at(-1)?.difficulty ?? 1);
    return { up_to: upTo, strategy: bestOf(inside.length > 0 ? inside : sorted) };
  });
}

/** The policy on folds it was not fitted on, beside the best single strategy and itself with difficulties exchanged. */
export function crossValidate(problems: readonly Tried[], bins: number): PolicyReport {
  const exchanged = createRandom(SEED).shuffle(problems.map(({ difficulty }) => difficulty));
  const outcomes = problems.map((problem, index) => {
    const others = problems.filter(({ id }) => foldOf(id) !== foldOf(problem.id));
    const table = fitTable(others, bins);
    const rightAt = (difficulty: number): number => rightness(problem, strategyAt(table, difficulty));
    return {
      policy: rightAt(problem.difficulty),
      shuffled: rightAt(exchanged[index] ?? 0),
      single: rightness(problem, bestOf(others)),
    };
  });
  const column = (name: "policy" | "shuffled" | "single") => outcomes.map((outcome) => outcome[name]);
  return {
    n: problems.length,
    accuracy: meanOf(column("policy")),
    single: meanOf(column("single")),
    shuffled: meanOf(column("shuffled")),
    overSingle: bootstrapDifference(column("policy"), column("single")),
    overShuffled: bootstrapDifference(column("policy"), column("shuffled")),
  };
}

/** The strategy that is right most often; of equals the first. */
function bestOf(problems: readonly Tried[]): string {
  const names = [...(problems[0]?.right.keys() ?? [])];
  const shares = names.map((name) => meanOf(problems.map((problem) => rightness(problem, name))));
  const best = names[shares.indexOf(Math.max(...shares))];
  if (best === undefined) throw new RangeError("there is nothing to fit on");
  return best;
}

function strategyAt(table: readonly PolicyRow[], difficulty: number): string {
  return (table.find(({ up_to }) => difficulty <= up_to) ?? table.at(-1))?.strategy ?? "";
}

const rightness = ({ right }: Tried, strategy: string): number => Number(right.get(strategy) ?? false);
const foldOf = (id: string): number => createHash("sha256").update(`fold\0${id}`).digest()[0]! % FOLDS;
