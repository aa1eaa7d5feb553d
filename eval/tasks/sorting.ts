/** Lists of numbers put in order. */
import type { Task, Turn } from "../src/task.ts";

interface Level {
  readonly items: number;
  readonly most: number;
}

const LEVELS: readonly Level[] = [
  { items: 3, most: 20 },
  { items: 4, most: 50 },
  { items: 5, most: 99 },
  { items: 7, most: 99 },
  { items: 9, most: 999 },
];

/** Sorting. */
export const sorting: Task = {
  name: "sorting",
  description: "numbers in ascending order",
  levels: LEVELS.map(({ items, most }) => `${items} numbers to ${most}`),
  answer: "line",
  separators: [","],
  maxTokens: 64,
  draw(level, random) {
    const { items: count, most } = LEVELS[level]!;
    const items = new Set<number>();
    while (items.size < count) items.add(random.integer(1, most));
    const given = random.shuffle([...items]);
    const solution = given.toSorted((a, b) => a - b).join(", ");
    return {
      key: solution,
      messages: [...EXAMPLES, { role: "user", content: questionOf(given) }],
      outcome: { name: "sorted", parameters: { items: given } },
      solution,
    };
  },
};

const questionOf = (items: readonly number[]): string => `Sort in ascending order: ${items.join(", ")}`;

const EXAMPLES: readonly Turn[] = [
  { role: "user", content: questionOf([14, 3, 9]) },
  { role: "assistant", content: "3, 9, 14" },
  { role: "user", content: questionOf([52, 7, 31, 8]) },
  { role: "assistant", content: "7, 8, 31, 52" },
];
