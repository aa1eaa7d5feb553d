/**
 * What `auto` would have made of a problem, from a pool of its samples: the first are its probes, the next those of the strategy
 * that it runs, for candidate i draws noise stream i − 1. Nothing is sampled.
 */
import type { Arm, VerifierSource } from "../arms.ts";
import { replay } from "../replay.ts";
import type { PoolRecord, Record, SearchRecord } from "../sample.ts";

/** A problem with what every strategy makes of it. */
export interface Tried {
  readonly id: string;
  /** 0 to 1, as `auto` sees it: 1 − the mean score of its probes. */
  readonly difficulty: number;
  /** By strategy after the probes, and `PROBES` for the probes' own answer. */
  readonly after: ReadonlyMap<string, Ending>;
  /** By strategy without any probe: what it makes of so many samples. */
  readonly alone: ReadonlyMap<string, readonly Ending[]>;
}

/** How a run ended. */
export interface Ending {
  readonly right: boolean;
  /** Generated, those of the probes included. */
  readonly tokens: number;
}

/** How `auto` is run. */
export interface PolicySetting {
  readonly verifier: VerifierSource;
  readonly probes: number;
  /** Candidates of the strategy that it chooses. */
  readonly candidates: number;
}

/** The probes' own answer: what `auto` gives where they are sure. */
export const PROBES = "probes";
const GREEDY = "greedy";
const CHOOSERS = ["best-of-n", "weighted-majority"] as const;

/**
 * Every problem of a journal that has a greedy answer and a served pool of samples.
 * @throws RangeError if there are none, or pools of several runs: of other splits, seeds or models
 */
export function triedProblems(records: Iterable<Record>, setting: PolicySetting): Tried[] {
  const greedy = new Map<string, PoolRecord>();
  const pools = new Map<string, SearchRecord>();
  for (const record of records) {
    if (record.kind === "greedy") greedy.set(record.problem, record);
    if (record.kind === "search" && record.arm.startsWith("confidence-vote/")) {
      const known = pools.get(record.problem);
      if ((known?.candidates.length ?? 0) < record.candidates.length) pools.set(record.problem, record);
    }
  }
  const tried = [...pools].flatMap(([id, pool]) => {
    const single = greedy.get(id);
    return single ? [tryAll(id, single, pool, setting)] : [];
  });
  if (tried.length === 0) throw new RangeError("the run has no served pool: give it --replay");
  const runs = [...new Set([...pools.values()].map(runOf))];
  if (runs.length > 1) throw new RangeError(`the folder has samples of several runs: ${runs.join(", ")}`);
  return tried;
}

/** Model, task, level, split and drawing: what a key says before it names the problem. */
const runOf = ({ key, problem }: SearchRecord): string => key.split(`/${problem}/`)[0] ?? key;

/** Name of the model whose samples they are. */
export const modelOf = (records: Iterable<Record>): string => [...records][0]?.key.split("/")[0] ?? "";

function tryAll(
  id: string,
  greedy: PoolRecord,
  pool: SearchRecord,
  { verifier, probes, candidates }: PolicySetting,
): Tried {
  const choose = (strategy: Arm["strategy"], from: number, count: number): SearchRecord =>
    replay(
      { strategy, verifier, budget: count },
      { ...pool, candidates: pool.candidates.slice(from, from + count) },
    );
  const own = choose("weighted-majority", 0, probes);
  const scores = own.candidates.map(({ score }) => score ?? 0);
  const paid = (ending: Ending): Ending => ({ ...ending, tokens: ending.tokens + own.tokensGenerated });
  const single = { right: greedy.right[0] ?? false, tokens: greedy.tokensGenerated };
  const sizes = pool.candidates.map((_, index) => index + 1);
  return {
    id,
    difficulty: 1 - scores.reduce((sum, score) => sum + score, 0) / scores.length,
    after: new Map([
      [GREEDY, paid(single)],
      ...CHOOSERS.map((name) => [name, paid(endingOf(choose(name, probes, candidates)))] as const),
      [PROBES, endingOf(own)],
    ]),
    alone: new Map([
      [GREEDY, sizes.map(() => single)],
      ...CHOOSERS.map((name) => [name, sizes.map((size) => endingOf(choose(name, 0, size)))] as const),
    ]),
  };
}

const endingOf = ({ right, tokensGenerated: tokens }: SearchRecord): Ending => ({ right, tokens });
