/** Small satisfiability problems: an assignment that makes every clause true. */
import type { Task, Turn } from "../src/task.ts";

const LEVELS = [
  { variables: 3, clauses: 3, literals: 2 },
  { variables: 4, clauses: 5, literals: 2 },
  { variables: 5, clauses: 12, literals: 3 },
] as const;

/** Satisfiability. */
export const satisfiability: Task = {
  name: "satisfiability",
  description: "an assignment that satisfies every clause",
  levels: LEVELS.map(({ variables, clauses }) => `${variables} variables, ${clauses} clauses`),
  answer: "line",
  separators: [","],
  maxTokens: 64,
  draw(level, random) {
    const { variables, clauses: count, literals } = LEVELS[level]!;
    const hidden = Array.from({ length: variables }, () => random.next() < 0.5);
    const clauses: number[][] = [];
    while (clauses.length < count) {
      const chosen = random.shuffle(hidden.map((_, index) => index + 1)).slice(0, literals);
      const clause = chosen.map((name) => (random.next() < 0.5 ? name : -name));
      if (clause.some((literal) => hidden[Math.abs(literal) - 1] === literal > 0)) clauses.push(clause);
    }
    return {
      key: clauses
        .map((clause) => clause.toSorted((a, b) => a - b).join(" "))
        .toSorted()
        .join(" / "),
      messages: [...EXAMPLES, { role: "user", content: questionOf(clauses) }],
      outcome: { name: "sat_assignment", parameters: { clauses } },
      solution: solutionOf(hidden),
    };
  },
};

function questionOf(clauses: readonly (readonly number[])[]): string {
  const spelled = clauses.map((clause) =>
    clause.map((literal) => (literal > 0 ? `x${literal}` : `not x${-literal}`)).join(" or "),
  );
  return `Find truth values for: (${spelled.join(") and (")})`;
}

const solutionOf = (values: readonly boolean[]): string =>
  values.map((value, index) => `x${index + 1}=${value}`).join(", ");

const EXAMPLES: readonly Turn[] = [
  { role: "user", content: questionOf([[1], [-2, 1]]) },
  { role: "assistant", content: solutionOf([true, false]) },
  {
    role: "user",
    content: questionOf([
      [-1, 2],
      [1, 3],
      [-3, -2],
    ]),
  },
  { role: "assistant", content: solutionOf([true, true, false]) },
];
