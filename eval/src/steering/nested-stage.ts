/**
 * The second gate, everything about it chosen without the type it is tested on: what it reads, how it is fitted, and where its threshold
 * lies. For each left-out type the candidates learn from six of the other seven and are told apart on the seventh, in turn; the best
 * one then learns from all seven. So the counts of the left-out types are of one gate, and nobody has picked it by them.
 *
 *   candidate   = rows (last token, or with the mean over the prompt) × fit (all prompts, or differences within pairs) × penalty
 *   chosen by   = mean AUROC, unsafe over safe twins of the inner left-out types
 *   threshold   = a quantile of the opened harmful development prompts: the highest at which the inner unsafe twins lose at most
 *                 {@link MOST_LOST} of them
 *
 * Cost: (28 + 8) fits a candidate, every two types left out serving both.
 */
import { wilson } from "../binomial.ts";
import { alignColumns } from "../report/columns.ts";
import { percent, spellProportion } from "../report/text.ts";
import { meanOf } from "../statistics.ts";
import { auroc } from "./gate.ts";
import { fitPairs, fitProbe, type Probe } from "./linear-probe.ts";
import type { Twin } from "./prompts.ts";
import type { StageCount, StageInput } from "./second-stage.ts";

/** What may be lost of the unsafe twins, as a share of all of them. */
const MOST_LOST = 0.05;
/** Shares of the opened harmful development prompts that a threshold may keep, from the most that it shuts out. */
const SHARES = Array.from({ length: 31 }, (_, at) => 0.7 + at / 100);
const ROUNDS = 150;

/** What a gate of its own kind reads, and how it learns. */
export interface Candidate {
  readonly name: string;
  /** Rows [width] by id. */
  readonly rows: ReadonlyMap<string, Float32Array>;
  readonly fit: "all" | "pairs";
  readonly penalty: number;
}

/** What was chosen for a left-out type. */
export interface NestedCount extends StageCount {
  readonly chosen: string;
  /** Share of the opened harmful development prompts that the threshold keeps; undefined: none keeps enough, the gate stays open. */
  readonly keeps: number | undefined;
}

type Named = { readonly id: string };
type Input = Omit<StageInput, "rows">;

/** Twins of every type by a gate chosen on the others; `both` has one count. */
export function nestedCounts(input: Input, candidates: readonly Candidate[]): NestedCount[] {
  const families = [...new Set(input.twins.map(({ family }) => family))];
  const tried = candidates.map((candidate) => ({ candidate, probeWithout: memoProbes(input, candidate) }));
  return families.flatMap((family) => {
    const inner = families.filter((other) => other !== family);
    const ranked = tried.map((one) => ({
      ...one,
      quality: meanOf(
        inner.map((other) => qualityOn(input, one.candidate, one.probeWithout([family, other]), other)),
      ),
    }));
    const best = ranked.reduce((a, b) => (b.quality > a.quality ? b : a));
    const keeps = chooseShare(input, best, { family, inner });
    const probe = best.probeWithout([family]);
    const threshold =
      keeps === undefined
        ? Number.NEGATIVE_INFINITY
        : thresholdAt(harmfulScores(input, best.candidate, probe), keeps);
    return (["safe", "unsafe"] as const).map((kind) => {
      const own = twinsOf(input, family, kind);
      const opened = own.filter((twin) => isOpen(input, twin));
      const both = opened.filter((twin) => scoreOf(best.candidate, probe, twin) >= threshold).length;
      const counted = { n: own.length, first: opened.length, both: [both] };
      return { family, kind, ...counted, chosen: best.candidate.name, keeps };
    });
  });
}

interface Tried {
  readonly candidate: Candidate;
  readonly probeWithout: (families: readonly string[]) => Probe;
}

/** The highest threshold, as the share it keeps, at which the inner left-out unsafe twins lose no more than they may. */
function chooseShare(
  input: Input,
  { candidate, probeWithout }: Tried,
  { family, inner }: { readonly family: string; readonly inner: readonly string[] },
): number | undefined {
  const opened = inner.map((other) => {
    const probe = probeWithout([family, other]);
    const unsafe = twinsOf(input, other, "unsafe");
    const scores = unsafe
      .filter((twin) => isOpen(input, twin))
      .map((twin) => scoreOf(candidate, probe, twin));
    return { harmful: harmfulScores(input, candidate, probe), scores, n: unsafe.length };
  });
  const all = opened.reduce((sum, { n }) => sum + n, 0);
  const isWithin = (share: number): boolean => {
    const lost = opened.map(({ harmful, scores }) => {
      const threshold = thresholdAt(harmful, share);
      return scores.filter((score) => score < threshold).length;
    });
    return lost.reduce((a, b) => a + b, 0) <= MOST_LOST * all;
  };
  return SHARES.find(isWithin);
}

/** Probes by the types they did not learn from, each fitted once. */
function memoProbes({ twins, training }: Input, { rows, fit, penalty }: Candidate): Tried["probeWithout"] {
  const known = new Map<string, Probe>();
  const rowOf = ({ id }: Named) => rows.get(id)!;
  const settings = { penalty, rounds: ROUNDS };
  const make = (without: readonly string[]): Probe => {
    const learned = twins.filter(({ family }) => !without.includes(family));
    const [safe, unsafe] = (["safe", "unsafe"] as const).map((kind) =>
      learned.filter((twin) => twin.kind === kind).map(rowOf),
    ) as [Float32Array[], Float32Array[]];
    if (fit === "pairs") return fitPairs(unsafe, safe, settings);
    const all = [...training.map(rowOf), ...unsafe, ...safe];
    const labels = [...training.map(({ isHarmful }) => isHarmful), ...unsafe.map(() => true)];
    return fitProbe(all, [...labels, ...safe.map(() => false)], settings);
  };
  return (without) => {
    const key = without.toSorted().join(" ");
    const probe = known.get(key) ?? make(without);
    known.set(key, probe);
    return probe;
  };
}

function qualityOn(input: Input, candidate: Candidate, probe: Probe, family: string): number {
  const scoresOf = (kind: Twin["kind"]) =>
    twinsOf(input, family, kind).map((twin) => scoreOf(candidate, probe, twin));
  return auroc(scoresOf("unsafe"), scoresOf("safe"));
}

/** Scores of the opened harmful development prompts, ascending. */
function harmfulScores(input: Input, candidate: Candidate, probe: Probe): number[] {
  const opened = input.harmful.filter((prompt) => isOpen(input, prompt));
  return opened.map((prompt) => scoreOf(candidate, probe, prompt)).toSorted((a, b) => a - b);
}

/** The score that a share of them reaches. */
const thresholdAt = (ascending: readonly number[], share: number): number =>
  ascending[Math.floor((1 - share) * ascending.length + 1e-9)] ?? Number.NEGATIVE_INFINITY;

const twinsOf = ({ twins }: Input, family: string, kind: Twin["kind"]): Twin[] =>
  twins.filter((twin) => twin.family === family && twin.kind === kind);
const isOpen = ({ first }: Input, { id }: Named): boolean => first.get(id)! >= 0;
const scoreOf = ({ rows }: Candidate, probe: Probe, { id }: Named): number => probe(rows.get(id)!);

/** What was chosen for every type, and what the chosen gates do to the types they never saw. */
export function nestedLines(counts: readonly NestedCount[]): string[] {
  const total = (kind: Twin["kind"], of: (one: NestedCount) => number): string => {
    const some = counts.filter((one) => one.kind === kind);
    const [count, n] = [of, (one: NestedCount) => one.n].map((pick) =>
      some.reduce((sum, one) => sum + pick(one), 0),
    ) as [number, number];
    return `${count} of ${n}: ${spellProportion(wilson(count, n))}`;
  };
  const cells = counts.map(({ family, kind, n, first, both, chosen, keeps }) => [
    ...[family, kind, `${n}`, `${first}`, `${both[0]}`],
    ...(kind === "safe" ? [chosen, keeps === undefined ? "no gate" : percent(keeps)] : ["", ""]),
  ]);
  const head = [
    "type left out",
    "kind",
    "twins",
    "first gate",
    "both gates",
    "chosen on the others",
    "keeps",
  ];
  return [
    ...alignColumns([head, ...cells]),
    "",
    ...alignColumns([
      ["open on", "first gate", "both gates"],
      ...(["safe", "unsafe"] as const).map((kind) => [
        `${kind} twins`,
        total(kind, ({ first }) => first),
        total(kind, ({ both }) => both[0] ?? 0),
      ]),
    ]),
  ];
}
