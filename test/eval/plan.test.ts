/** Which arms a run has. */
import { expect, test } from "bun:test";
import { STRATEGIES } from "../../gateway/src/strategies/registry.ts";
import { chainSum } from "../../eval/tasks/chain-sum.ts";
import { planRun } from "../../eval/src/plan.ts";
import { sorting } from "../../eval/tasks/sorting.ts";

const OPTIONS = {
  task: sorting,
  level: 1,
  split: "train",
  quick: false,
  problems: 1,
  budgets: [4],
  pool: undefined,
  replay: false,
  hasProbe: false,
  policy: undefined,
  known: new Set(["best-of-n", "beam", "particle-filtering"]),
} as const;

test("an arm that a task does not have is refused by name, and those it has are told", () => {
  const plan = (strategies: readonly string[]) => () => planRun({ ...OPTIONS, strategies });
  expect(plan(["best-of-n", "beam/probe"])).toThrow(
    /no arm of sorting is beam\/probe; there are .*beam\/mean_logprob/,
  );
  expect(plan(["best-of-m"])).toThrow("best-of-m");
});

test("where no program knows the value of a step, searches over steps go by the model's own probabilities", () => {
  const { arms } = planRun({ ...OPTIONS, strategies: ["beam", "particle-filtering"] });
  expect(arms.map(({ strategy, verifier }) => `${strategy}/${verifier}`)).toEqual([
    "beam/mean_logprob",
    "particle-filtering/mean_logprob",
  ]);
});

test("every strategy has an arm, but for those that are baselines or need a table or steering", () => {
  const known = new Set(STRATEGIES.map(({ name }) => name));
  const { arms } = planRun({ ...OPTIONS, task: chainSum, strategies: undefined, known });
  const lacking = known.difference(new Set(arms.map(({ strategy }) => strategy)));
  expect([...lacking].toSorted()).toEqual(["auto", "greedy", "steered-proposal"]);
});
