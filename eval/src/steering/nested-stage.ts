/**
 * The second gate, everything about it chosen without the type it is tested on: what it reads, how it is fitted, and where its threshold
 * lies. For each left-out type the candidates learn from six of the other seven and are told apart on the seventh, in turn; the best
 * one then learns from all seven. So the counts of the left-out types are of one gate, and nobody has picked it by them. Lessons go with
 * the type that they are most like: left out where it is, learned from and told apart where it is. They are never counted.
 *
 *   candidate   = rows (last token, or with the mean over the prompt) × fit (all prompts, or differences within pairs) × penalty
 *   chosen by   = mean AUROC, unsafe over safe twins and lessons of the inner left-out types
 *   threshold   = the highest at which the inner unsafe ones lose at most {@link MOST_LOST} of them
 *
 * Cost: (28 + 8) fits a candidate, every two types left out serving both; their rows' products are made once.
 */
import { wilson } from "../binomial.ts";
import { alignColumns } from "../report/columns.ts";
import { spellProportion } from "../report/text.ts";
import { meanOf } from "../statistics.ts";
import { auroc } from "./gate.ts";
import { twinsWithout } from "./lessons.ts";
import { type Example, fitProducts, type ProductProbe, type RowProducts } from "./product-fits.ts";
import type { Twin } from "./prompts.ts";
import type { StageCount, StageInput } from "./second-stage.ts";

/** What may be lost of the unsafe ones, as a share of all of them: a point less than is wanted, since types differ. */
const MOST_LOST = 0.04;
const ROUNDS = 150;

/** What a gate of its own kind reads, and how it learns. */
export interface Candidate {
  readonly name: string;
  /** Of the rows that it reads. */
  readonly products: RowProducts;
  readonly fit: "all" | "pairs";
  readonly penalty: number;
}

/** What was chosen for a left-out type. */
export interface NestedCount extends StageCount {
  readonly chosen: string;
  /** The log-odds from which the gate opens. */
  readonly threshold: number;
}

type Named = { readonly id: string };
type Input = Omit<StageInput, "rows" | "harmful">;

/** Twins of every type by a gate chosen on the others; `both` has one count. */
export function nestedCounts(input: Input, candidates: readonly Candidate[]): NestedCount[] {
  const families = [...new Set(input.twins.map(({ family }) => family))];
  const tried = candidates.map((candidate) => ({ candidate, probeWithout: memoProbes(input, candidate) }));
  return families.flatMap((family) => {
    const inner = families.filter((other) => other !== family);
    const ranked = tried.map((one) => ({
      ...one,
      quality: meanOf(inner.map((other) => qualityOn(input, one.probeWithout([family, other]), other))),
    }));
    const best = ranked.reduce((a, b) => (b.quality > a.quality ? b : a));
    const threshold = chooseThreshold(input, best, { family, inner });
    const probe = best.probeWithout([family]);
    return (["safe", "unsafe"] as const).map((kind) => {
      const own = input.twins.filter((twin) => twin.family === family && twin.kind === kind);
      const opened = own.filter((twin) => isOpen(input, twin));
      const both = opened.filter(({ id }) => probe(id) >= threshold).length;
      const counted = { n: own.length, first: opened.length, both: [both] };
      return { family, kind, ...counted, chosen: best.candidate.name, threshold };
    });
  });
}

interface Tried {
  readonly candidate: Candidate;
  readonly probeWithout: (families: readonly string[]) => ProductProbe;
}

/** The highest threshold at which the inner left-out unsafe twins and lessons lose no more than they may. */
function chooseThreshold(
  input: Input,
  { probeWithout }: Tried,
  { family, inner }: { readonly family: string; readonly inner: readonly string[] },
): number {
  const scores = inner.map((other) => {
    const probe = probeWithout([family, other]);
    const unsafe = innerOf(input, other, "unsafe");
    return {
      n: unsafe.length,
      opened: unsafe.filter((one) => isOpen(input, one)).map(({ id }) => probe(id)),
    };
  });
  const all = scores.reduce((sum, { n }) => sum + n, 0);
  const ascending = scores.flatMap(({ opened }) => opened).toSorted((a, b) => a - b);
  return ascending[Math.floor(MOST_LOST * all)] ?? Number.NEGATIVE_INFINITY;
}

/** Probes by the types they did not learn from, each fitted once. */
function memoProbes(input: Input, { products, fit, penalty }: Candidate): Tried["probeWithout"] {
  const known = new Map<string, ProductProbe>();
  const prompts = input.training.map(({ id, isHarmful }) => ({ id, isPositive: isHarmful }));
  const make = (without: readonly string[]): ProductProbe => {
    const learned = twinsWithout(input, without);
    const twins = learned.map(({ id, kind }) => ({ id, isPositive: kind === "unsafe" }));
    const examples = fit === "pairs" ? pairsOf(learned) : [...prompts, ...twins];
    return fitProducts(products, examples, { penalty, rounds: ROUNDS });
  };
  return (without) => {
    const key = without.toSorted().join(" ");
    const probe = known.get(key) ?? make(without);
    known.set(key, probe);
    return probe;
  };
}

/** What sets each unsafe twin apart from its safe one: both kinds are in the same order. */
function pairsOf(twins: readonly Twin[]): Example[] {
  const safe = twins.filter(({ kind }) => kind === "safe");
  const unsafe = twins.filter(({ kind }) => kind === "unsafe");
  return unsafe.map(({ id }, at) => ({ id, isPositive: true, minus: safe[at]!.id }));
}

function qualityOn(input: Input, probe: ProductProbe, family: string): number {
  const scoresOf = (kind: Twin["kind"]) => innerOf(input, family, kind).map(({ id }) => probe(id));
  return auroc(scoresOf("unsafe"), scoresOf("safe"));
}

/** A type's twins, and the lessons that go with it: what is judged by where it is an inner left-out type. */
const innerOf = ({ twins, lessons }: Input, family: string, kind: Twin["kind"]): Twin[] => [
  ...twins.filter((twin) => twin.family === family && twin.kind === kind),
  ...lessons.filter((lesson) => lesson.with === family && lesson.kind === kind),
];
const isOpen = ({ first }: Input, { id }: Named): boolean => first.get(id)! >= 0;

/** What was chosen for every type, and what the chosen gates do to the types they never saw. */
export function nestedLines(counts: readonly NestedCount[]): string[] {
  const total = (kind: Twin["kind"], of: (one: NestedCount) => number): string => {
    const some = counts.filter((one) => one.kind === kind);
    const [count, n] = [of, (one: NestedCount) => one.n].map((pick) =>
      some.reduce((sum, one) => sum + pick(one), 0),
    ) as [number, number];
    return `${count} of ${n}: ${spellProportion(wilson(count, n))}`;
  };
  const cells = counts.map(({ family, kind, n, first, both, chosen, threshold }) => [
    ...[family, kind, `${n}`, `${first}`, `${both[0]}`],
    ...(kind === "safe" ? [chosen, threshold.toFixed(2)] : ["", ""]),
  ]);
  const head = [
    "type left out",
    "kind",
    "twins",
    "first gate",
    "both gates",
    "chosen on the others",
    "from log-odds",
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
