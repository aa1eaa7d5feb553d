/** Weekdays: which day of the week is so many days after another. */
import type { Task, Turn } from "../src/task.ts";

const DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"] as const;
const LEVELS = [
  { low: 1, high: 3, isBackward: false },
  { low: 1, high: 6, isBackward: true },
  { low: 8, high: 30, isBackward: true },
] as const;

/** Weekdays. */
export const calendar: Task = {
  name: "calendar",
  description: "the weekday so many days before or after another",
  levels: LEVELS.map(
    ({ low, high, isBackward }) => `${low} to ${high} days ${isBackward ? "before or after" : "after"}`,
  ),
  answer: "line",
  separators: ["\n"],
  maxTokens: 32,
  draw(level, random) {
    const { low, high, isBackward } = LEVELS[level]!;
    const start = random.integer(0, DAYS.length - 1);
    const days = random.integer(low, high) * (isBackward && random.next() < 0.5 ? -1 : 1);
    const end = DAYS[(((start + days) % DAYS.length) + DAYS.length) % DAYS.length]!;
    return {
      key: `${start}${days < 0 ? "" : "+"}${days}`,
      messages: [...EXAMPLES, { role: "user", content: questionOf(DAYS[start]!, days) }],
      outcome: { name: "regex", parameters: { pattern: `\\b${end}\\W*$`, flags: "i" } },
      solution: end,
    };
  },
};

const questionOf = (start: string, days: number): string =>
  `What day is it ${Math.abs(days)} days ${days < 0 ? "before" : "after"} ${start}?`;

const EXAMPLES: readonly Turn[] = [
  { role: "user", content: questionOf("Monday", 2) },
  { role: "assistant", content: "Wednesday" },
  { role: "user", content: questionOf("Sunday", -1) },
  { role: "assistant", content: "Saturday" },
];
