/**
 * Questions with numeric answers from a JSONL file, a line `{"question", "answer"}` each; of an answer, what follows `####`
 * counts, else all of it. (The shape of GSM8K: Cobbe et al. 2021, arXiv 2110.14168.) The first questions of a file that has
 * enough of them are worked examples of every prompt, and no problems: without any, a small model talks past its limit.
 */
import { readFileSync } from "node:fs";
import type { Task, Turn } from "../src/task.ts";

/** Reads a file as a task with one level. @throws Error that names the line at fault. */
export function readQuestionAnswers(path: string): Task {
  const rows = readFileSync(path, "utf8")
    .split("\n")
    .flatMap((line, index) => (line.trim() === "" ? [] : [parseLine(line, `${path}:${index + 1}`)]));
  if (rows.length === 0) throw new Error(`${path} has no questions`);
  const examples = rows.splice(0, rows.length < ENOUGH ? 0 : EXAMPLES).flatMap(workedOut);
  const request = examples.length > 0 ? "" : REQUEST;
  return {
    name: "question-answers",
    description: "questions with numeric answers",
    levels: [`${rows.length} questions`],
    answer: "number",
    separators: ["\n"],
    maxTokens: 320,
    draw(_level, random) {
      const { question, expected, solution } = random.pick(rows);
      return {
        key: question,
        messages: [...examples, { role: "user", content: question + request }],
        outcome: { name: "numeric_answer", parameters: { expected } },
        process: { name: "equations", parameters: { aggregation: "min" } },
        solution,
      };
    },
  };
}

/** Worked examples, and the questions a file must have before any is given away for them. */
const EXAMPLES = 3;
const ENOUGH = 30;
/** GSM8K's marks for a calculator: `<<48/2=24>>`. */
const CALCULATION = /<<[^>]*>>/g;
const REQUEST = "\nReason step by step, one step a line, and end with a line: #### and the number.";

const workedOut = ({ question, solution }: { question: string; solution: string }): Turn[] => [
  { role: "user", content: question },
  { role: "assistant", content: solution.replaceAll(CALCULATION, "") },
];

function parseLine(line: string, place: string): { question: string; expected: number; solution: string } {
  const row = readJson(line, place) as { question?: unknown; answer?: unknown } | null;
  const { question, answer } = row ?? {};
  if (typeof question !== "string" || (typeof answer !== "string" && typeof answer !== "number")) {
    throw new Error(`${place}: "question" and "answer" are needed`);
  }
  const solution = String(answer);
  const expected = Number((solution.split("####").at(-1) ?? "").trim().replaceAll(",", ""));
  if (!Number.isFinite(expected)) throw new Error(`${place}: the answer does not end on a number`);
  return { question, expected, solution };
}

function readJson(line: string, place: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new Error(`${place}: not JSON`);
  }
}
