/** Records -> rows of the result: one an arm and one for every baseline, all on the same problems. */
import { type Arm, nameOf } from "./arms.ts";
import type { PoolRecord, Record, SearchRecord } from "./sample.ts";
import { bootstrap, bootstrapDifference, headroomRecovered, type Interval, meanOf } from "./statistics.ts";

/** A row, as `--json` writes it. */
export interface Row {
  readonly model: string;
  readonly task: string;
  readonly strategy: string;
  /** Name of the verifier; empty: none. */
  readonly verifier: string;
  /** What it knows: none, self, learned, program, oracle. */
  readonly access: string;
  /** Candidates. */
  readonly budget: number;
  /** Problems. */
  readonly n: number;
  readonly accuracy: number;
  readonly lower: number;
  readonly upper: number;
  readonly greedy: number;
  readonly passAt1: number;
  readonly passAtN: number;
  readonly majority: number;
  /** Mean a problem. */
  readonly tokensGenerated: number;
  readonly tokensPrefilled: number;
  readonly wallMs: number;
}

/** What a verifier is called and knows, by the source an arm names. */
export type Naming = (arm: Arm) => { readonly verifier: string; readonly access: string };

/** A row with what the report shows besides. */
export interface ReportRow extends Row {
  /** Name of the arm in the records. */
  readonly arm: string;
  readonly headroom: number;
  /** Against the majority of independent samples that spend as many tokens or more, paired. */
  readonly overMajority: Interval | undefined;
  /** Against pass@k of as many: what best-of-n with the exact outcome checker gets for the same tokens. */
  readonly overOracle: Interval | undefined;
  /** Mean number of different answers among the candidates that came to their end. */
  readonly distinct: number;
}

/** Records of one run by kind and problem. */
export interface Sorted {
  readonly greedy: ReadonlyMap<string, PoolRecord>;
  readonly pools: ReadonlyMap<string, PoolRecord>;
  readonly searches: ReadonlyMap<string, ReadonlyMap<string, SearchRecord>>;
}

/** Sorts records of one model, task and split. */
export function sortRecords(records: Iterable<Record>): Sorted {
  const greedy = new Map<string, PoolRecord>();
  const pools = new Map<string, PoolRecord>();
  const searches = new Map<string, Map<string, SearchRecord>>();
  for (const record of records) {
    if (record.kind === "search") {
      const byProblem = searches.get(record.arm) ?? new Map<string, SearchRecord>();
      searches.set(record.arm, byProblem.set(record.problem, record));
    } else {
      (record.kind === "greedy" ? greedy : pools).set(record.problem, record);
    }
  }
  return { greedy, pools, searches };
}

/** One row an arm, over the problems that have all of it. */
export function rowsOf(
  { model, task }: Pick<Row, "model" | "task">,
  sorted: Sorted,
  arms: readonly Arm[],
  naming: Naming,
): ReportRow[] {
  return arms.flatMap((arm) => {
    const searched = sorted.searches.get(nameOf(arm)) ?? new Map<string, SearchRecord>();
    const problems = [...searched.keys()].filter((id) => sorted.greedy.has(id) && sorted.pools.has(id));
    if (problems.length === 0) return [];
    const records = problems.map((id) => searched.get(id)!);
    const pools = problems.map((id) => sorted.pools.get(id)!);
    const rights = records.map(({ right }) => Number(right));
    const { mean: accuracy, lower, upper } = bootstrap(rights);
    const greedy = meanOf(problems.map((id) => Number(sorted.greedy.get(id)?.right[0])));
    const passAt1 = meanOf(pools.map(({ right }) => meanOf(right.map(Number))));
    const passAtN = meanOf(pools.map((pool) => anyOf(pool, arm.budget)));
    const spent = meanOf(
      records.map(({ tokensGenerated, tokensVerified }) => tokensGenerated + tokensVerified),
    );
    const samples = samplesFor(spent, pools);
    const over = (theirs: (pool: PoolRecord, n: number) => number): Interval | undefined =>
      samples === undefined
        ? undefined
        : bootstrapDifference(
            rights,
            pools.map((pool) => theirs(pool, samples)),
          );
    return [
      {
        ...{ model, task, strategy: arm.strategy, ...naming(arm), budget: arm.budget, n: problems.length },
        ...{ accuracy, lower, upper, greedy, passAt1, passAtN },
        majority: meanOf(pools.map((pool) => majorityOf(pool, arm.budget))),
        tokensGenerated: meanOf(records.map(({ tokensGenerated }) => tokensGenerated)),
        tokensPrefilled: meanOf(records.map(({ tokensPrefilled }) => tokensPrefilled)),
        wallMs: meanOf(records.map(({ wallMs }) => wallMs)),
        arm: nameOf(arm),
        headroom: headroomRecovered(accuracy, greedy, passAt1, passAtN),
        overMajority: over(majorityOf),
        overOracle: over(anyOf),
        distinct: meanOf(records.map(({ candidates }) => distinctAnswers(candidates))),
      },
    ];
  });
}

/** The row as `--json` writes it: nothing besides. */
export function plainRow(row: ReportRow): Row {
  const {
    arm: _arm,
    headroom: _headroom,
    overMajority: _majority,
    overOracle: _oracle,
    distinct: _distinct,
    ...plain
  } = row;
  return plain;
}

/** Rightness of the majority of the first n samples of a pool. */
const majorityOf = ({ majority }: PoolRecord, n: number): number =>
  Number(majority[Math.min(n, majority.length) - 1] ?? false);

/** Rightness of the best of the first n samples of a pool. */
const anyOf = ({ right }: PoolRecord, n: number): number => Number(right.slice(0, n).some(Boolean));

/** Different answers among the candidates that came to their end. */
export const distinctAnswers = (candidates: SearchRecord["candidates"]): number =>
  new Set(candidates.filter(({ isWhole }) => isWhole).map(({ answer }) => answer)).size;

/** The fewest samples whose mean tokens reach what was spent; undefined if the pools have too few. */
function samplesFor(spent: number, pools: readonly PoolRecord[]): number | undefined {
  const size = Math.min(...pools.map(({ texts }) => texts.length));
  for (let n = 1; n <= size; n++) {
    const tokens = meanOf(pools.map((pool) => pool.tokens.slice(0, n).reduce((sum, one) => sum + one, 0)));
    if (tokens >= spent) return n;
  }
  return undefined;
}
