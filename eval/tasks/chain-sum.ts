/** Sums of 2 to 6 terms, worked out one partial sum a line. The exact process value: are all partial sums right? */
import type { Random } from "../src/random.ts";
import type { Checker, Task, Turn } from "../src/task.ts";

interface Level {
  /** Numbers of terms, one of which is drawn. */
  readonly terms: readonly number[];
  readonly low: number;
  readonly high: number;
  /** Worked examples. Without any of as many terms as asked, a small model ends its lines too early. */
  readonly examples: readonly Terms[];
  /** Every partial sum must be right, so that the value of a step and that of the answer are of one event. */
  readonly isWorkedOut?: boolean;
}

type Terms = readonly number[];

/** Worked examples of few terms: those of the levels that the primary comparison chose among, which do not change. */
const SHORT: readonly Terms[] = [
  [7, 15],
  [12, 20, 5, 31],
  [15, 2, 18],
  [7, 20, 9],
];
const FIVE: readonly Terms[] = [
  [7, 7, 1, 1, 1],
  [2, 5, 1, 5, 6],
  [4, 5, 3, 1, 7],
  [2, 2, 1, 2, 3],
  [2, 2, 5, 5, 3],
  [7, 4, 6, 5, 7],
  [3, 7, 5, 3, 3],
  [6, 6, 4, 6, 5],
];
const MIXED: readonly Terms[] = [
  [5, 6],
  [8, 1, 6],
  [1, 4, 5, 4],
  [7, 5, 5, 9, 4],
  [1, 5],
  [6, 7, 2],
  [1, 2, 3, 2],
  [8, 8, 9, 8, 9],
];

/** Levels are named by their place: new ones come last. */
const LEVELS: readonly Level[] = [
  { terms: [2], low: 1, high: 9, examples: SHORT },
  { terms: [3], low: 1, high: 9, examples: SHORT },
  { terms: [3], low: 1, high: 24, examples: SHORT },
  { terms: [4], low: 1, high: 30, examples: SHORT },
  { terms: [5], low: 1, high: 30, examples: SHORT },
  { terms: [4], low: 10, high: 99, examples: SHORT },
  { terms: [6], low: 10, high: 99, examples: SHORT },
  { terms: [4], low: 100, high: 999, examples: SHORT },
  { terms: [5], low: 1, high: 7, examples: FIVE, isWorkedOut: true },
  { terms: [2, 3, 4, 5], low: 1, high: 9, examples: MIXED },
];

/** Chain sums. */
export const chainSum: Task = {
  name: "chain-sum",
  description: "sums, one partial sum a line",
  levels: LEVELS.map(nameOf),
  answer: "number",
  separators: ["\n"],
  maxTokens: 96,
  draw(level, random) {
    const { examples, isWorkedOut = false } = LEVELS[level]!;
    const shown = new Set(examples.map(keyOf));
    let terms = drawTerms(LEVELS[level]!, random);
    while (shown.has(keyOf(terms))) terms = drawTerms(LEVELS[level]!, random);
    return {
      key: keyOf(terms),
      messages: [...examples.flatMap(workedOut), { role: "user", content: questionOf(terms) }],
      outcome: isWorkedOut ? stepsOf(terms) : totalOf(terms),
      process: stepsOf(terms),
      solution: solutionOf(terms),
    };
  },
};

function drawTerms({ terms, low, high }: Level, random: Random): number[] {
  const count = terms.length === 1 ? terms[0]! : random.pick(terms);
  return Array.from({ length: count }, () => random.integer(low, high));
}

function nameOf({ terms, low, high, examples, isWorkedOut = false }: Level): string {
  const name = `${terms.join(", ")} terms of ${low} to ${high}`;
  return `${name}${examples === SHORT ? "" : ", examples of as many"}${isWorkedOut ? ", every line checked" : ""}`;
}

const keyOf = (terms: Terms): string => terms.toSorted((a, b) => a - b).join("+");
const totalOf = (terms: Terms): Checker => ({
  name: "numeric_answer",
  parameters: { expected: sumOf(terms) },
});
const stepsOf = (terms: Terms): Checker => ({ name: "partial_sums", parameters: { terms: [...terms] } });
const sumOf = (terms: Terms): number => terms.reduce((sum, term) => sum + term, 0);
const questionOf = (terms: Terms): string => `Add step by step: ${terms.join(" + ")}`;

function solutionOf([first = 0, ...rest]: Terms): string {
  let sum = first;
  const lines = rest.map((term) => `${sum} + ${term} = ${(sum += term)}`);
  return [...lines, `Answer: ${sum}`].join("\n");
}

/** A worked example. All are of the train split, so that no prompt holds a problem that reports. */
const workedOut = (terms: Terms): Turn[] => [
  { role: "user", content: questionOf(terms) },
  { role: "assistant", content: solutionOf(terms) },
];
