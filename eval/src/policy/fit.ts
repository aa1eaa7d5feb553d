/**
 * The table of `auto`, fitted: which strategy answers best at which difficulty. Source: Snell et al. (2408.03314): bins of
 * predicted difficulty, strategies chosen by cross-validation. Cost: nothing is sampled, folds × bins × strategies sums.
 */
import { createHash } from "node:crypto";
import { createRandom } from "../random.ts";
import { bootstrapDifference, type Interval, meanOf } from "../statistics.ts";
import { PROBES, type Tried } from "./tried.ts";

/** A row of the table, as `auto` takes it. */
export interface PolicyRow {
  readonly up_to: number;
  readonly strategy: string;
}

/** What the policy is worth on problems it was not fitted on, beside others for as many tokens. */
export interface PolicyReport {
  readonly n: number;
  readonly accuracy: number;
  /** Mean tokens a problem, probes included. */
  readonly tokens: number;
  /** The best single strategy, chosen on the problems fitted on, with samples for as many tokens or more. */
  readonly single: { readonly strategy: string; readonly accuracy: number; readonly tokens: number };
  /** The same table with the difficulties of the problems exchanged. */
  readonly shuffled: number;
  readonly overSingle: Interval;
  readonly overShuffled: Interval;
}

/** Difficulty up to which `auto` gives the probes' own answer; its default. */
export const SETTLED = 0.05;
const FOLDS = 5;
const SEED = 3;

/** A table of `bins` bins of equally many problems that are not settled. @throws RangeError without problems. */
export function fitTable(problems: readonly Tried[], bins: number): PolicyRow[] {
  if (problems.length === 0) throw new RangeError("there is nothing to fit on");
  const open = problems.filter(({ difficulty }) => difficulty > SETTLED);
  const sorted = (open.length > 0 ? open : problems).toSorted((a, b) => a.difficulty - b.difficulty);
  return Array.from({ length: bins }, (_, bin) => {
    const [from, to] = [bin, bin + 1].map((edge) => Math.round((edge * sorted.length) / bins));
    const inside = sorted.slice(from, to);
    const upTo = bin === bins - 1 ? 1 : (inside.at(-1)?.difficulty ?? 1);
    return { up_to: upTo, strategy: bestAfter(inside.length > 0 ? inside : sorted) };
  });
}

/** The policy on folds it was not fitted on. */
export function crossValidate(problems: readonly Tried[], bins: number): PolicyReport {
  const folds = Array.from({ length: FOLDS }, (_, fold) => fold);
  return reportOf(
    folds.flatMap((fold) => {
      const others = problems.filter(({ id }) => foldOf(id) !== fold);
      const held = problems.filter(({ id }) => foldOf(id) === fold);
      return held.length === 0 || others.length === 0 ? [] : compare(others, held, bins);
    }),
  );
}

/** The table fitted on some problems, on others. @throws RangeError if it was fitted on any of them. */
export function evaluatePolicy(fitted: readonly Tried[], held: readonly Tried[], bins: number): PolicyReport {
  const known = new Set(fitted.map(({ id }) => id));
  const both = held.filter(({ id }) => known.has(id)).length;
  if (both > 0) throw new RangeError(`the table is fitted on ${both} of the problems that are to report`);
  return reportOf(compare(fitted, held, bins));
}

interface Compared {
  readonly policy: { readonly right: boolean; readonly tokens: number };
  readonly shuffled: boolean;
  readonly single: { readonly strategy: string; readonly right: boolean; readonly tokens: number };
}

/** Problem by problem, what each of the three makes of it. */
function compare(fitted: readonly Tried[], held: readonly Tried[], bins: number): Compared[] {
  const table = fitTable(fitted, bins);
  const tokens = meanOf(fitted.map((problem) => runAt(table, problem, problem.difficulty).tokens));
  const best = bestAlone(fitted, tokens);
  const exchanged = createRandom(SEED).shuffle(held.map(({ difficulty }) => difficulty));
  return held.map((problem, index) => ({
    policy: runAt(table, problem, problem.difficulty),
    shuffled: runAt(table, problem, exchanged[index] ?? 0).right,
    single: { strategy: best.strategy, ...problem.alone.get(best.strategy)![best.samples - 1]! },
  }));
}

function reportOf(compared: readonly Compared[]): PolicyReport {
  const rights = compared.map(({ policy }) => Number(policy.right));
  const singles = compared.map(({ single }) => Number(single.right));
  const shuffled = compared.map((one) => Number(one.shuffled));
  return {
    n: compared.length,
    accuracy: meanOf(rights),
    tokens: meanOf(compared.map(({ policy }) => policy.tokens)),
    single: {
      strategy: [...new Set(compared.map(({ single }) => single.strategy))].join(", "),
      accuracy: meanOf(singles),
      tokens: meanOf(compared.map(({ single }) => single.tokens)),
    },
    shuffled: meanOf(shuffled),
    overSingle: bootstrapDifference(rights, singles),
    overShuffled: bootstrapDifference(rights, shuffled),
  };
}

function runAt(table: readonly PolicyRow[], { after }: Tried, difficulty: number) {
  const row = table.find(({ up_to }) => difficulty <= up_to) ?? table.at(-1)!;
  return after.get(difficulty <= SETTLED ? PROBES : row.strategy)!;
}

/** The strategy that is right most often after the probes; of equals the one with fewer tokens. */
function bestAfter(problems: readonly Tried[]): string {
  const names = [...(problems[0]?.after.keys() ?? [])].filter((name) => name !== PROBES);
  const scored = names.map((name) => {
    const endings = problems.map(({ after }) => after.get(name)!);
    return { name, right: meanOf(endings.map(({ right }) => Number(right))), tokens: tokensOf(endings) };
  });
  return scored.toSorted((a, b) => b.right - a.right || a.tokens - b.tokens)[0]!.name;
}

/** The best single strategy with samples for as many tokens or more, or all there are. */
function bestAlone(problems: readonly Tried[], tokens: number): { strategy: string; samples: number } {
  const scored = [...problems[0]!.alone.keys()].map((strategy) => {
    const endings = problems.map(({ alone }) => alone.get(strategy)!);
    const most = Math.min(...endings.map(({ length }) => length));
    const sizes = Array.from({ length: most }, (_, index) => index + 1);
    const of = (size: number) => endings.map((sizesOf) => sizesOf[size - 1]!);
    const samples = sizes.find((size) => tokensOf(of(size)) >= tokens) ?? most;
    return { strategy, samples, right: meanOf(of(samples).map(({ right }) => Number(right))) };
  });
  return scored.toSorted((a, b) => b.right - a.right)[0]!;
}

const tokensOf = (endings: readonly { readonly tokens: number }[]): number =>
  meanOf(endings.map(({ tokens }) => tokens));
const foldOf = (id: string): number => createHash("sha256").update(`fold\0${id}`).digest()[0]! % FOLDS;
