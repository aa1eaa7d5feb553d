// Tasks: every drawn problem is checked by the served verifier it names, and no content is in two splits.

import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectTo } from "#kit/clients.ts";
import { FinishReason } from "#proto/trimtab/type/v1/generation_pb.ts";
import { VerifierService } from "#proto/trimtab/verifier/v1/verifier_service_pb.ts";
import { drawProblems, idOf, type Split, splitOf } from "../../eval/src/problems.ts";
import type { Checker, Problem, Task } from "../../eval/src/task.ts";
import { TASKS } from "../../eval/tasks/index.ts";
import { readQuestionAnswers } from "../../eval/tasks/question-answers.ts";
import { createVerifierService } from "../../services/verifier/index.ts";

const SEED = 20_261;
const service = createVerifierService();
const connection = connectTo({ routes: service.routes });
const client = connection.client(VerifierService);
const directory = mkdtempSync(join(tmpdir(), "trimtab-tasks-"));
afterAll(() => {
  service.close();
  rmSync(directory, { recursive: true });
});

async function scoresOf(
  { name, parameters }: Checker,
  texts: readonly string[],
  finishReason = FinishReason.UNSPECIFIED,
) {
  const items = texts.map((text) => ({ text, finishReason }));
  const { items: judged } = await client.score({ items, verifiers: [{ name, parameters }] });
  return judged.map(({ verdicts }) => verdicts[0]?.score);
}

const problemsOf = (task: Task, split: Split, count = 3): Problem[] =>
  task.levels.flatMap((_, level) => drawProblems(task, level, split, count, SEED));

for (const task of TASKS) {
  test(`${task.name}: solutions are right, other answers wrong, and values of the making exact`, async () => {
    for (const { outcome, process, solution } of problemsOf(task, "train")) {
      const scores = await scoresOf(outcome, [solution, "no idea"], FinishReason.STOP);
      expect([solution, ...scores]).toEqual([solution, 1, 0]);
      if (process === undefined) continue;
      const lines = solution.split("\n");
      const prefixes = lines.map((_, at) => lines.slice(0, at + 1).join("\n"));
      const wrong = `${lines[0]}1`;
      expect(await scoresOf(process, [...prefixes, wrong])).toEqual([...lines.map(() => 1), 0]);
    }
  });
}

test("splits are disjoint by content, whatever the seed and order", () => {
  for (const task of TASKS) {
    const keys = (["train", "dev", "test"] as const).map((split) => {
      const problems = problemsOf(task, split, 3);
      expect(problems.every((problem) => splitOf(task, problem) === split)).toBe(true);
      return new Set(problems.map((problem) => idOf(task, problem)));
    });
    expect(keys[0]?.intersection(keys[1]!).size).toBe(0);
    expect(keys[1]?.intersection(keys[2]!).size).toBe(0);
    expect(keys[0]?.intersection(keys[2]!).size).toBe(0);
  }
});

test("worked examples of chain sums are of the train split, and never problems", () => {
  const chain = TASKS[0]!;
  for (const level of chain.levels.keys()) {
    const { messages } = drawProblems(chain, level, "train", 1, SEED)[0]!;
    const examples = messages.slice(0, -1).filter(({ role }) => role === "user");
    expect(examples.length).toBeGreaterThan(1);
    for (const { content } of examples) {
      const terms = (content.match(/\d+/g) ?? []).map(Number);
      const key = terms.toSorted((a, b) => a - b).join("+");
      expect([content, splitOf(chain, { key })]).toEqual([content, "train"]);
      // The example's own terms are drawn first: the problem is another one.
      const queue = [...terms];
      const random = { pick: () => terms.length, integer: (low: number) => queue.shift() ?? low };
      expect(chain.draw(level, random as never).key).not.toBe(key);
    }
  }
});

test("operands in another order are the same content", () => {
  const chain = TASKS[0]!;
  const many = drawProblems(chain, 1, "test", 30, SEED);
  const operands = many.map(({ key }) => key);
  expect(operands).toEqual(
    operands.map((key) =>
      key
        .split("+")
        .toSorted((a, b) => +a - +b)
        .join("+"),
    ),
  );
  expect(new Set(operands).size).toBe(30);
});

test("the same seed draws the same problems, and a level that has too few says so", () => {
  for (const task of TASKS) expect(problemsOf(task, "dev", 3)).toEqual(problemsOf(task, "dev", 3));
  expect(() => drawProblems(TASKS[0]!, 0, "test", 100, SEED)).toThrow("has only");
  expect(() => drawProblems(TASKS[0]!, 99, "test", 1, SEED)).toThrow("levels 0 to");
});

test("questions come from a JSONL file, and a broken line is named", async () => {
  const path = join(directory, "questions.jsonl");
  const rows = [
    { question: "1+1?", answer: "1+1=2\n#### 2" },
    { question: "A thousand and two?", answer: "#### 1,002" },
  ];
  writeFileSync(path, rows.map((row) => JSON.stringify(row)).join("\n"));
  const task = readQuestionAnswers(path);
  const random = { pick: <T>(entries: readonly T[]) => entries[1]! };
  const problem = task.draw(0, random as never);
  expect(await scoresOf(problem.outcome, ["it is 1002", "it is 2"])).toEqual([1, 0]);
  writeFileSync(path, '{"question": "x", "answer": "none"}\n');
  expect(() => readQuestionAnswers(path)).toThrow("questions.jsonl:1");
});

test("the first questions of a long file are worked examples without calculator marks, and never problems", () => {
  const path = join(directory, "many.jsonl");
  const rows = Array.from({ length: 40 }, (_, i) => {
    return { question: `${i}+1?`, answer: `${i}+1=<<${i}+1=${i + 1}>>${i + 1}\n#### ${i + 1}` };
  });
  writeFileSync(path, rows.map((row) => JSON.stringify(row)).join("\n"));
  const task = readQuestionAnswers(path);
  const drawn = drawProblems(task, 0, "train", 8, SEED);
  const shown = drawn[0]!.messages.slice(0, -1).map(({ content }) => content);
  expect(shown.slice(0, 2)).toEqual(["0+1?", "0+1=1\n#### 1"]);
  expect(drawn.some(({ key }) => shown.includes(key))).toBe(false);
  expect(task.levels).toEqual(["37 questions"]);
});
