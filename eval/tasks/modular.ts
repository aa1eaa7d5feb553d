/** Remainders: (a op b) mod m, the operation first, the remainder second. */
import type { Task, Turn } from "../src/task.ts";

interface Level {
  readonly most: number;
  readonly operators: readonly string[];
}

const LEVELS: readonly Level[] = [
  { most: 9, operators: ["+"] },
  { most: 30, operators: ["+", "-"] },
  { most: 12, operators: ["*"] },
  { most: 99, operators: ["+", "*"] },
];
const APPLY: Readonly<Record<string, (a: number, b: number) => number>> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
};

/** Modular arithmetic. */
export const modular: Task = {
  name: "modular",
  description: "(a op b) mod m in two steps",
  levels: LEVELS.map(({ most, operators }) => `${operators.join(" or ")} up to ${most}`),
  answer: "number",
  separators: ["\n"],
  maxTokens: 64,
  draw(level, random) {
    const { most, operators } = LEVELS[level]!;
    const operator = random.pick(operators);
    const pair = [random.integer(2, most), random.integer(2, most)].toSorted((a, b) => b - a);
    const [a = 0, b = 0] = pair;
    const modulus = random.integer(3, 12);
    return {
      key: `${a}${operator}${b}%${modulus}`,
      messages: [...EXAMPLES, { role: "user", content: questionOf(a, operator, b, modulus) }],
      outcome: {
        name: "numeric_answer",
        parameters: { expected: APPLY[operator]!(a, b) % modulus },
      },
      process: { name: "equations", parameters: { aggregation: "min" } },
      solution: solutionOf(a, operator, b, modulus),
    };
  },
};

const questionOf = (a: number, operator: string, b: number, modulus: number): string =>
  `Find the remainder of ${a} ${operator} ${b} divided by ${modulus}.`;

function solutionOf(a: number, operator: string, b: number, modulus: number): string {
  const value = APPLY[operator]!(a, b);
  const rest = value % modulus;
  return [
    `${a} ${operator} ${b} = ${value}`,
    `${value} = ${modulus} * ${Math.floor(value / modulus)} + ${rest}`,
    `Answer: ${rest}`,
  ].join("\n");
}

const EXAMPLES: readonly Turn[] = (
  [
    [7, "+", 6, 5],
    [11, "*", 4, 9],
  ] as const
).flatMap(([a, operator, b, modulus]) => [
  { role: "user" as const, content: questionOf(a, operator, b, modulus) },
  { role: "assistant" as const, content: solutionOf(a, operator, b, modulus) },
]);
