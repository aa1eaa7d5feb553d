/** The table of `auto`: fitted where the best strategy depends on difficulty, and what it is worth, as `auto` itself would run. */
import { expect, test } from "bun:test";
import { crossValidate, evaluatePolicy, fitTable } from "../../eval/src/policy/fit.ts";
import { type Ending, modelOf, PROBES, type Tried, triedProblems } from "../../eval/src/policy/tried.ts";
import type { PoolRecord, Record } from "../../eval/src/sample.ts";
import { run } from "../gateway/strategies/support/run.ts";
import { CHAIN, recordOf, worldOf } from "./support/chain-pool.ts";

const PROBLEMS = 60;
const PROBE_TOKENS = 2;

/** Problems of rising difficulty; `isRight` says which strategy answers which. A sample is a token. */
function problems(isRight: (strategy: string, isEasy: boolean) => boolean): Tried[] {
  return Array.from({ length: PROBLEMS }, (_, index) => {
    const isEasy = index < PROBLEMS / 2;
    const names = ["greedy", "best-of-n"];
    const ending = (name: string, tokens: number): Ending => ({ right: isRight(name, isEasy), tokens });
    return {
      id: `problem ${index}`,
      difficulty: 0.1 + (0.8 * index) / PROBLEMS,
      after: new Map([
        ...names.map((name) => [name, ending(name, PROBE_TOKENS + (name === "greedy" ? 1 : 4))] as const),
        [PROBES, { right: false, tokens: PROBE_TOKENS }],
      ]),
      alone: new Map(
        names.map((name) => [name, Array.from({ length: 8 }, (_size, i) => ending(name, i + 1))] as const),
      ),
    };
  });
}

test("each bin gets what is right in it, and the policy beats one strategy for all and itself by chance", () => {
  const tried = problems((strategy, isEasy) => (strategy === "greedy") === isEasy);
  expect(fitTable(tried, 2).map(({ strategy }) => strategy)).toEqual(["greedy", "best-of-n"]);
  const [fitted, held] = [0, 1].map((part) => tried.filter((_, index) => index % 2 === part)) as [
    Tried[],
    Tried[],
  ];
  for (const report of [crossValidate(tried, 2), evaluatePolicy(fitted, held, 2)]) {
    expect(report.accuracy).toBeGreaterThan(0.9);
    expect(report.overSingle.lower).toBeGreaterThan(0.2);
    expect(report.overShuffled.lower).toBeGreaterThan(0.2);
  }
});

test("where difficulty does not matter the policy is the single strategy, of as many tokens as it spends itself", () => {
  const tried = problems((strategy) => strategy === "best-of-n");
  const { accuracy, single, shuffled, tokens } = crossValidate(tried, 2);
  expect([accuracy, single.accuracy, shuffled]).toEqual([1, 1, 1]);
  expect([tokens, single.tokens]).toEqual([PROBE_TOKENS + 4, PROBE_TOKENS + 4]);
});

test("nothing reports that was fitted on, and no table is fitted on samples of several runs", async () => {
  const tried = problems(() => true);
  expect(() => evaluatePolicy(tried.slice(0, 40), tried.slice(30), 2)).toThrow(
    "fitted on 10 of the problems",
  );
  const setting = { verifier: "mean_logprob", probes: 1, candidates: 1 } as const;
  const pool = recordOf(
    await run("confidence-vote", worldOf(1, "mean_logprob"), { candidates: 2 }),
    "confidence-vote/2",
  );
  const greedy = {
    ...pool,
    kind: "greedy",
    texts: [],
    tokens: [1],
    right: [true],
    majority: [true],
  } as const;
  const recordsOf = (split: string, problem: string): Record[] =>
    [pool, greedy].map((one) => ({
      ...one,
      problem,
      key: `tiny/sums/2/${split}/0.7/1/64/${problem}/${one.kind}`,
    }));
  expect(modelOf(recordsOf("dev", "a"))).toBe("tiny");
  expect(triedProblems([...recordsOf("dev", "a"), ...recordsOf("dev", "b")], setting).length).toBe(2);
  const mixed = [...recordsOf("dev", "a"), ...recordsOf("test", "b")];
  expect(() => triedProblems(mixed, setting)).toThrow("several runs");
});

test("of equally good strategies the one that costs less is chosen", () => {
  expect(
    fitTable(
      problems(() => true),
      1,
    ),
  ).toEqual([{ up_to: 1, strategy: "greedy" }]);
});

test("what a problem is said to end in is what auto ends in on the same model, and costs", async () => {
  const setting = { verifier: "mean_logprob", probes: 2, candidates: 4 } as const;
  const records: Record[] = [];
  for (let problem = 1; problem <= PROBLEMS; problem++) {
    const greedy = await run("greedy", worldOf(problem, "mean_logprob"));
    const pool = await run("confidence-vote", worldOf(problem, "mean_logprob"), { candidates: 6 });
    const { text, right, ...spent } = recordOf(greedy, "greedy", String(problem));
    const single = { kind: "greedy", texts: [text], tokens: [], right: [right], majority: [right] } as const;
    records.push({ ...spent, ...single } satisfies PoolRecord);
    records.push(recordOf(pool, "confidence-vote/6", String(problem)));
  }
  const tried = triedProblems(records, setting);
  expect(tried.length).toBe(PROBLEMS);
  const rights = new Set<boolean>();
  for (const strategy of ["greedy", "best-of-n", "weighted-majority"]) {
    for (const { id, after, difficulty } of tried) {
      const table = [{ up_to: difficulty + 1e-9, strategy }];
      const parameters = { probes: setting.probes, settled: 0, table };
      const served = await run("auto", worldOf(Number(id), "mean_logprob"), { candidates: 6, parameters });
      const tokens = served.result.ledger.spent.generated;
      expect({ id, ...after.get(strategy) }).toEqual({ id, right: served.answer === CHAIN.answer, tokens });
      expect(served.result.outcome.ran).toBe(strategy);
      rights.add(served.answer === CHAIN.answer);
    }
  }
  expect(rights.size).toBe(2);
});
