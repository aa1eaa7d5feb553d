/** Reach a target with numbers used at most once, one operation a line. The exact process value: can it still be reached? */
import type { Random } from "../src/random.ts";
import type { Task, Turn } from "../src/task.ts";

interface Level {
  readonly numbers: number;
  readonly most: number;
  readonly operators: readonly string[];
}

const LEVELS: readonly Level[] = [
  { numbers: 2, most: 10, operators: ["+", "-"] },
  { numbers: 2, most: 10, operators: ["+", "-", "*"] },
  { numbers: 3, most: 10, operators: ["+", "-"] },
  { numbers: 3, most: 10, operators: ["+", "-", "*"] },
  { numbers: 4, most: 12, operators: ["+", "-", "*"] },
];
const MOST_TARGET = 60;

/** Countdown. */
export const countdown: Task = {
  name: "countdown",
  description: "an expression of given numbers that reaches a target",
  levels: LEVELS.map(
    ({ numbers, most, operators }) => `${numbers} numbers to ${most}, ${operators.join(" ")}`,
  ),
  answer: "line",
  separators: ["\n"],
  maxTokens: 80,
  draw(level, random) {
    const { numbers: count, most, operators } = LEVELS[level]!;
    for (;;) {
      const numbers = Array.from({ length: count }, () => random.integer(1, most));
      const found = combine(numbers, operators, random);
      if (found.value < 1 || found.value > MOST_TARGET || numbers.includes(found.value)) continue;
      const parameters = { numbers, target: found.value };
      return {
        key: `${numbers.toSorted((a, b) => a - b).join(",")}=${found.value}`,
        messages: [...EXAMPLES, { role: "user", content: questionOf(numbers, found.value) }],
        outcome: { name: "expression", parameters },
        process: { name: "reachable_target", parameters },
        solution: solutionOf(found),
      };
    }
  },
};

interface Combination {
  readonly value: number;
  readonly text: string;
  readonly lines: readonly string[];
}

/** Numbers put together in random order by random operations. */
function combine(numbers: readonly number[], operators: readonly string[], random: Random): Combination {
  const parts = random.shuffle(numbers).map((value): Combination => ({ value, text: `${value}`, lines: [] }));
  return parts.reduce((left, right) => {
    const operator = random.pick(operators);
    const value =
      operator === "+"
        ? left.value + right.value
        : operator === "-"
          ? left.value - right.value
          : left.value * right.value;
    const text = /[-+]/.test(left.text) ? `(${left.text})` : left.text;
    return {
      value,
      text: `${text} ${operator} ${right.text}`,
      lines: [...left.lines, `${left.value} ${operator} ${right.value} = ${value}`],
    };
  });
}

const questionOf = (numbers: readonly number[], target: number): string =>
  `Use the numbers ${numbers.join(", ")}, each once, to make ${target}.`;
const solutionOf = ({ lines, text, value }: Combination): string =>
  [...lines, `Answer: ${text} = ${value}`].join("\n");

const EXAMPLES: readonly Turn[] = [
  { role: "user", content: questionOf([9, 4], 13) },
  { role: "assistant", content: "9 + 4 = 13\nAnswer: 9 + 4 = 13" },
  { role: "user", content: questionOf([2, 5, 7], 17) },
  { role: "assistant", content: "5 * 2 = 10\n10 + 7 = 17\nAnswer: 5 * 2 + 7 = 17" },
];
