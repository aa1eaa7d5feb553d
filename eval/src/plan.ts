/** What a run does: which problems, which arms, how many samples. `--quick` is a smoke test: it shows that all works. */
import { type Arm, armsFor } from "./arms.ts";
import { drawProblems, type Split } from "./problems.ts";
import type { Problem, Task } from "./task.ts";

/** Options of a run as the command line gives them. */
export interface PlanOptions {
  readonly quick: boolean;
  readonly task: Task;
  readonly level: number;
  readonly split: Split;
  readonly problems: number;
  readonly budgets: readonly number[];
  /** Independent samples a problem, if more than the budgets need. */
  readonly pool: number | undefined;
  /** Strategies that choose among independent samples are replayed on the pool. */
  readonly replay: boolean;
  readonly hasProbe: boolean;
  /** Stored table of `auto`; undefined: it is not run. */
  readonly policy: string | undefined;
  /** Strategies to run, or `strategy/verifier`; undefined: all. */
  readonly strategies: readonly string[] | undefined;
  /** Strategies the server has. */
  readonly known: ReadonlySet<string>;
}

/** A run. */
export interface Plan {
  readonly problems: readonly Problem[];
  readonly arms: readonly Arm[];
  /** Independent samples a problem: more than any budget, so that votes can be given as many tokens. */
  readonly poolSize: number;
  /** The pool is one served search by this arm, on which others are replayed; undefined: all are served. */
  readonly pooling: Arm | undefined;
}

/** Seed by which problems are drawn: the same problems in every run. */
const PROBLEM_SEED = 2_026;
/** Where verifiers read tokens of their own, the pool is larger than the largest budget by this factor. */
const POOL_FACTOR = 1.25;
/** Strategies that choose among independent samples: N of them cost what N samples cost. */
const CHOOSERS = new Set(["best-of-n", "weighted-majority"]);
/** Draws a pool that others are replayed on: it alone needs more of a token than its probability. */
const POOLING = { strategy: "confidence-vote" };
/** Strategies a smoke test runs. */
const QUICK = new Set(["self-consistency", "best-of-n", "weighted-majority", "particle-filtering"]);

/** Makes the plan. @throws RangeError if the task has too few problems, or no arm is what `strategies` names. */
export function planRun(options: PlanOptions): Plan {
  const { task, level, split, quick, budgets, strategies, known, replay } = options;
  const problems = drawProblems(task, level, split, options.problems, PROBLEM_SEED);
  const possible = armsFor(task, problems[0] ?? {}, options, budgets).filter(({ strategy }) =>
    known.has(strategy),
  );
  for (const name of strategies ?? []) {
    if (possible.some((arm) => isNamed(arm, name))) continue;
    const names = new Set(possible.map(({ strategy, verifier }) => `${strategy}/${verifier ?? "none"}`));
    throw new RangeError(`no arm of ${task.name} is ${name}; there are ${[...names].join(", ")}`);
  }
  const arms = possible.filter(
    (arm) => strategies?.some((name) => isNamed(arm, name)) ?? (!quick || QUICK.has(arm.strategy)),
  );
  const readsMore = arms.some(({ strategy, verifier }) => verifier === "probe" || !CHOOSERS.has(strategy));
  const needed = Math.ceil((readsMore ? POOL_FACTOR : 1) * Math.max(...budgets));
  const poolSize = Math.max(options.pool ?? 0, replay ? Math.max(...budgets) : needed);
  return { problems, arms, poolSize, pooling: replay ? { ...POOLING, budget: poolSize } : undefined };
}

/** Whether an arm is what a name of `--strategies` means: a strategy, or a strategy with its verifier. */
function isNamed({ strategy, verifier }: Arm, name: string): boolean {
  return name === strategy || name === `${strategy}/${verifier ?? "none"}`;
}
