/** Sums of 2 to 6 terms, worked out one partial sum a line. The exact process value: are all partial sums right? */
import type { Task, Turn } from "../src/task.ts";

interface Level {
  readonly terms: number;
  readonly low: number;
  readonly high: number;
}

const LEVELS: readonly Level[] = [
  { terms: 2, low: 1, high: 9 },
  { terms: 3, low: 1, high: 9 },
  { terms: 3, low: 1, high: 24 },
  { terms: 4, low: 1, high: 30 },
  { terms: 5, low: 1, high: 30 },
  { terms: 4, low: 10, high: 99 },
  { terms: 6, low: 10, high: 99 },
  { terms: 4, low: 100, high: 999 },
];

/** Chain sums. */
export const chainSum: Task = {
  name: "chain-sum",
  description: "sums, one partial sum a line",
  levels: LEVELS.map(({ terms, low, high }) => `${terms} terms of ${low} to ${high}`),
  answer: "number",
  separators: ["\n"],
  maxTokens: 96,
  draw(level, random) {
    const { terms: count, low, high } = LEVELS[level]!;
    const terms = Array.from({ length: count }, () => random.integer(low, high));
    return {
      key: terms.toSorted((a, b) => a - b).join("+"),
      messages: [...EXAMPLES, { role: "user", content: questionOf(terms) }],
      outcome: { name: "numeric_answer", parameters: { expected: sumOf(terms) } },
      process: { name: "partial_sums", parameters: { terms } },
      solution: solutionOf(terms),
    };
  },
};

const sumOf = (terms: readonly number[]): number => terms.reduce((sum, term) => sum + term, 0);
const questionOf = (terms: readonly number[]): string => `Add step by step: ${terms.join(" + ")}`;

function solutionOf([first = 0, ...rest]: readonly number[]): string {
  let sum = first;
  const lines = rest.map((term) => `${sum} + ${term} = ${(sum += term)}`);
  return [...lines, `Answer: ${sum}`].join("\n");
}

/** Worked examples of every prompt: all of the train split, so that no prompt holds a problem that reports. */
const EXAMPLES: readonly Turn[] = [
  [7, 15],
  [12, 20, 5, 31],
  [15, 2, 18],
  [7, 20, 9],
].flatMap((terms) => [
  { role: "user" as const, content: questionOf(terms) },
  { role: "assistant" as const, content: solutionOf(terms) },
]);
