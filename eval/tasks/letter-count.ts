/** How often a letter occurs in a word, counted letter by letter. */
import type { Task, Turn } from "../src/task.ts";

/** Words by level: longer ones later. */
const LEVELS = [
  { letters: 4, alphabet: "abe" },
  { letters: 6, alphabet: "abelst" },
  { letters: 9, alphabet: "abelstrn" },
] as const;

/** Letter counting. */
export const letterCount: Task = {
  name: "letter-count",
  description: "occurrences of a letter, counted letter by letter",
  levels: LEVELS.map(({ letters }) => `strings of ${letters} letters`),
  answer: "number",
  separators: ["\n"],
  maxTokens: 96,
  draw(level, random) {
    const { letters, alphabet } = LEVELS[level]!;
    const word = Array.from({ length: letters }, () => random.pick([...alphabet])).join("");
    const letter = random.pick([...alphabet]);
    return {
      key: `${[...word].toSorted().join("")}:${letter}`,
      messages: [...EXAMPLES, { role: "user", content: questionOf(word, letter) }],
      outcome: { name: "numeric_answer", parameters: { expected: countOf(word, letter) } },
      solution: solutionOf(word, letter),
    };
  },
};

const countOf = (word: string, letter: string): number => [...word].filter((one) => one === letter).length;
const questionOf = (word: string, letter: string): string => `How many times is "${letter}" in "${word}"?`;

function solutionOf(word: string, letter: string): string {
  let seen = 0;
  const lines = [...word].map((one) => `${one}: ${one === letter ? ++seen : seen}`);
  return [...lines, `Answer: ${seen}`].join("\n");
}

const EXAMPLES: readonly Turn[] = (
  [
    ["banana", "a"],
    ["test", "e"],
  ] as const
).flatMap(([word, letter]) => [
  { role: "user" as const, content: questionOf(word, letter) },
  { role: "assistant" as const, content: solutionOf(word, letter) },
]);
