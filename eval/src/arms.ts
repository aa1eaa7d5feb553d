/** What is compared: strategies with their verifiers and budgets, as requests. */
import type { JsonObject } from "@bufbuild/protobuf";
import type { Checker, Problem, Task } from "./task.ts";

/**
 * Where a verifier of an arm comes from: the model's own signals, a trained probe, or the task's exact
 * programs, the steps' also with errors made on purpose. */
export type VerifierSource = "mean_logprob" | "probe" | "outcome" | "process" | "erring";

/** One way to spend a budget. */
export interface Arm {
  readonly strategy: string;
  readonly verifier?: VerifierSource;
  readonly parameters?: JsonObject;
  /** Candidates. */
  readonly budget: number;
}

/** An over-confident verifier of early steps. */
const ERRORS = { noise: 1.5, overconfidence: 4, early_steps: 2, seed: 1 };
/** So that the two filters differ in the annealing alone. */
const SYSTEMATIC = { resampler: "systematic" };
const ANNEALED = { expected_steps: 6 };

/** Strategies that search over steps and differ in that alone. */
const STEP_SEARCHES = [
  ...["beam", "lookahead", "dvts", "a-star"],
  ...["particle-filtering", "particle-gibbs", "parallel-tempering"],
];

/** Name of an arm in records and tables. */
export function nameOf({ strategy, verifier, parameters, budget }: Arm): string {
  const chosen = parameters === undefined ? "" : JSON.stringify(parameters);
  return [strategy + chosen, ...(verifier === undefined ? [] : [verifier]), budget].join("/");
}

/** The verifier an arm uses on a problem; undefined if the task or the run has none of that source. */
export function verifierOf(arm: Arm, problem: Problem, probe: string | undefined): Checker | undefined {
  switch (arm.verifier) {
    case "mean_logprob":
      return { name: "mean_logprob", parameters: {} };
    case "probe":
      return probe === undefined ? undefined : { name: "state_probe", parameters: { probe } };
    case "outcome":
      return problem.outcome;
    case "process":
      return problem.process;
    case "erring":
      return (
        problem.process && {
          ...problem.process,
          parameters: { ...problem.process.parameters, errors: ERRORS },
        }
      );
    case undefined:
      return undefined;
  }
}

/**
 * Arms of a run: those that can be run on the task, with the probe and the stored table of `auto` if there are any. Where no
 * program knows the value of a step, searches over steps go by the model's own probabilities.
 */
export function armsFor(
  task: Task,
  { process }: Pick<Problem, "process">,
  { hasProbe, policy }: { readonly hasProbe: boolean; readonly policy: string | undefined },
  budgets: readonly number[],
): Arm[] {
  const ofSteps: VerifierSource = process ? "process" : "mean_logprob";
  const wanted: Omit<Arm, "budget">[] = [
    ...(task.answer === "text" ? [] : [{ strategy: "self-consistency" }, { strategy: "feature-vote" }]),
    { strategy: "confidence-vote" },
    { strategy: "best-of-n", verifier: "mean_logprob" },
    { strategy: "weighted-majority", verifier: "mean_logprob" },
    { strategy: "sequential-revision", verifier: "mean_logprob" },
    { strategy: "ab-mcts", verifier: "mean_logprob" },
    ...(hasProbe
      ? ([
          { strategy: "best-of-n", verifier: "probe" },
          { strategy: "weighted-majority", verifier: "probe" },
          { strategy: "beam", verifier: "probe" },
          { strategy: "particle-filtering", verifier: "probe" },
        ] as const)
      : []),
    ...(policy === undefined
      ? []
      : ([{ strategy: "auto", verifier: "mean_logprob", parameters: { table: policy } }] as const)),
    { strategy: "best-of-n", verifier: "outcome" },
    ...STEP_SEARCHES.map((strategy) => ({ strategy, verifier: ofSteps })),
    { strategy: "entropic-particle-filtering", verifier: ofSteps, parameters: ANNEALED },
    ...(process?.name === "partial_sums"
      ? ([
          { strategy: "particle-filtering", verifier: "erring", parameters: SYSTEMATIC },
          { strategy: "entropic-particle-filtering", verifier: "erring", parameters: ANNEALED },
        ] as const)
      : []),
  ];
  return budgets.flatMap((budget) => wanted.map((arm) => ({ ...arm, budget })));
}
