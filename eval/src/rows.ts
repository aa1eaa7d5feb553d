/** Records -> rows of the result: one an arm and one for every baseline, all on the same problems. */
import type { Arm } from "./arms.ts";
import { nameOf } from "./arms.ts";
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
  readonly headroom: number;
  /** Against the majority of independent samples that spend as many tokens or more, paired. */
  readonly overMajority: Interval | undefined;
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
    const passAtN = meanOf(pools.map(({ right }) => Number(right.slice(0, arm.budget).some(Boolean))));
    const spent = meanOf(
      records.map(({ tokensGenerated, tokensVerified }) => tokensGenerated + tokensVerified),
    );
    const votes = votesFor(spent, pools);
    return [
      {
        ...{ model, task, strategy: arm.strategy, ...naming(arm), budget: arm.budget, n: problems.length },
        ...{ accuracy, lower, upper, greedy, passAt1, passAtN },
        majority: meanOf(pools.map((pool) => majorityOf(pool, arm.budget))),
        tokensGenerated: meanOf(records.map(({ tokensGenerated }) => tokensGenerated)),
        tokensPrefilled: meanOf(records.map(({ tokensPrefilled }) => tokensPrefilled)),
        wallMs: meanOf(records.map(({ wallMs }) => wallMs)),
        headroom: headroomRecovered(accuracy, greedy, passAt1, passAtN),
        overMajority:
          votes === undefined
            ? undefined
            : bootstrapDifference(
                rights,
                pools.map((pool) => majorityOf(pool, votes)),
              ),
      },
    ];
  });
}

/** The row as `--json` writes it: nothing besides. */
export function plainRow({ headroom: _headroom, overMajority: _over, ...row }: ReportRow): Row {
  return row;
}

/** Rightness of the majority of the first n samples of a pool. */
const majorityOf = ({ majority }: PoolRecord, n: number): number =>
  Number(majority[Math.min(n, majority.length) - 1] ?? false);

/** The fewest samples whose mean tokens reach what was spent; undefined if the pools have too few. */
function votesFor(spent: number, pools: readonly PoolRecord[]): number | undefined {
  const size = Math.min(...pools.map(({ texts }) => texts.length));
  for (let n = 1; n <= size; n++) {
    const tokens = meanOf(pools.map((pool) => pool.tokens.slice(0, n).reduce((sum, one) => sum + one, 0)));
    if (tokens >= spent) return n;
  }
  return undefined;
}
