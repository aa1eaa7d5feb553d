/** `npm run eval -- tasks`: the tasks, or problems of one as JSON lines (what `trimtab verifier train` reads). */
import type { Command } from "commander";
import { integerIn } from "#kit/option-values.ts";
import { findTask, TASKS } from "../tasks/index.ts";
import { drawProblems, idOf, type Split } from "./problems.ts";

interface PrintOptions {
  readonly level: number;
  readonly count: number;
  readonly split: Split;
  readonly seed: number;
}

/** Adds the command. */
export function addTaskPrinter(program: Command): void {
  program
    .command("tasks")
    .description("the tasks, or problems of one as JSON lines")
    .argument("[task]", "name of a task")
    .option("--level <n>", "level, from 0", integerIn(0, 99), 0)
    .option("--count <n>", "problems", integerIn(1, 100_000), 10)
    .option("--split <split>", "train or dev; test problems are not for looking at", "train")
    .option("--seed <n>", "seed", integerIn(0, 2 ** 31), 1)
    .action((name: string | undefined, options: PrintOptions) => {
      const lines = name === undefined ? listTasks() : printProblems(name, options);
      process.stdout.write(`${lines.join("\n")}\n`);
    });
}

const listTasks = (): string[] =>
  TASKS.flatMap(({ name, description, levels }) => [
    `${name}: ${description}`,
    ...levels.map((level, index) => `  ${index}  ${level}`),
  ]);

function printProblems(name: string, { level, split, count, seed }: PrintOptions): string[] {
  if (split !== "train" && split !== "dev") throw new RangeError(`problems of ${split} are not printed`);
  const task = findTask(name);
  return drawProblems(task, level, split, count, seed).map((problem) => {
    const { messages, outcome } = problem;
    const { separators, maxTokens } = task;
    return JSON.stringify({ id: idOf(task, problem), messages, outcome, separators, maxTokens });
  });
}
