// Verifiers that check a task by a program: arithmetic, lists, clauses, mazes. Expected values are worked out by hand.

import { expect, test } from "bun:test";
import { errorOf, judge, judgeTexts } from "./service.ts";

test("equations hold or do not, whatever their signs; steps fold as asked", async () => {
  const texts = [
    "3 + 4 = 7\n7 × 2 = 14.",
    "Step 1: 3 + 4 = 8, so 8 - 2 = 6",
    "1. 2 + 2 = 4\n2. (1 + 2) * 3 = 9 = 3 * 3",
    "1,200 ÷ 4 = 300",
    "The answer is 7.",
  ];
  expect(await judgeTexts("equations", {}, texts)).toEqual([
    "1 holds",
    "0.5 wrong",
    "1 holds",
    "1 holds",
    "0.5 no_equation",
  ]);
  const wrong = [texts[1] ?? ""];
  const folded = { last: "1 wrong", min: "0 wrong", prod: "0 wrong" };
  for (const [aggregation, verdict] of Object.entries(folded)) {
    expect(await judgeTexts("equations", { aggregation }, wrong)).toEqual([verdict]);
  }
});

test("an expression reaches the target with numbers used at most once", async () => {
  const parameters = { numbers: [3, 5, 2], target: 16 };
  const texts = [
    "(3 + 5) * 2 = 16",
    "3 + 5 + 8 = 16",
    "3 * 5 + 2 = 17",
    "5 + 5 + 3 + 3 = 16",
    "I cannot do that",
    `${"(".repeat(90)}3${")".repeat(90)}+13`,
  ];
  expect(await judgeTexts("expression", parameters, texts)).toEqual([
    "1 correct",
    "0 wrong_numbers",
    "0 wrong_value",
    "0 wrong_numbers",
    "0 no_expression",
    "0 no_expression",
  ]);
  expect(await judgeTexts("expression", { numbers: [3, 5, 9], target: 8, use_all: true }, ["3 + 5"])).toEqual(
    ["0 wrong_numbers"],
  );
});

test("a list is sorted if it has all items in order, numbers by value", async () => {
  const texts = ["Sorted: 2, 9, 10", "10, 9, 2", "2, 9", "10 9 2\nbecomes\n2 9 10"];
  expect(await judgeTexts("sorted", { items: [10, 9, 2] }, texts)).toEqual([
    "1 sorted",
    "0 wrong_order",
    "0 wrong_items",
    "1 sorted",
  ]);
  const words = { items: ["pear", "Fig", "apple"], order: "descending" };
  expect(await judgeTexts("sorted", words, ["pear, fig, apple", "apple, fig, pear"])).toEqual([
    "1 sorted",
    "0 wrong_order",
  ]);
});

test("an assignment satisfies all clauses, and a variable without a value satisfies none", async () => {
  const clauses = [[1, -2], [2, 3], [-1]];
  const texts = ["x1=false, x2 = false, x3: true", "x1=true x2=true x3=true", "x3 is true", "yes"];
  expect(await judgeTexts("sat_assignment", { clauses }, texts)).toEqual([
    "1 satisfied",
    "0 violated",
    "0 violated",
    "0 no_assignment",
  ]);
  const mentioned = ["x1=true, x10=true satisfy (x1 or x10)"];
  expect(await judgeTexts("sat_assignment", { clauses: [[1, 10], [1]] }, mentioned)).toEqual(["1 satisfied"]);
});

test("moves arrive, hit a wall, leave the grid or end elsewhere", async () => {
  const grid = ["S.#", "#.G"];
  const texts = ["R D R", "right, down, right", "DOWN", "U", "R", "no", "I tried R R. Final: R, D, R"];
  expect(await judgeTexts("maze_path", { grid }, texts)).toEqual([
    "1 arrives",
    "1 arrives",
    "0 blocked",
    "0 blocked",
    "0 elsewhere",
    "0 no_moves",
    "1 arrives",
  ]);
});

test("votes are shares of the answers that have one, over all chunks of a request", async () => {
  const texts = [...Array<string>(20).fill("so 7"), ...Array<string>(12).fill("= 8.0"), "none"];
  const verdicts = await judgeTexts("vote_share", {}, texts);
  expect([verdicts[0], verdicts[31], verdicts[32]]).toEqual([
    "0.625 answered",
    "0.375 answered",
    "0 no_answer",
  ]);
  const json = ['{"a":1,"b":2}', '```json\n{"b": 2, "a": 1}\n```', "{"];
  expect(await judgeTexts("vote_share", { answer: "json" }, json)).toEqual([
    "1 answered",
    "1 answered",
    "0 no_answer",
  ]);
});

test("parameters that cannot be meant are refused by name, and endless answers fail as values", async () => {
  const cases: [string, object, string, string][] = [
    ["expression", { numbers: [], target: 1 }, "FIELD_OUT_OF_RANGE", "numbers"],
    ["sat_assignment", { clauses: [[0]] }, "INVALID_ARGUMENT", "clauses[0][0]"],
    ["maze_path", { grid: ["S.", "G"] }, "SHAPE_MISMATCH", "grid"],
    ["maze_path", { grid: ["S."] }, "INVALID_ARGUMENT", "grid"],
    ["equations", { aggregation: "max" }, "FIELD_OUT_OF_RANGE", "aggregation"],
    ["sorted", {}, "FIELD_REQUIRED", "items"],
    ["sorted", { items: ["Rome", "New York"] }, "INVALID_ARGUMENT", "items[1]"],
  ];
  for (const [name, parameters, reason, field] of cases) {
    const error = await errorOf(judge(name, parameters as never, [{ text: "1" }]));
    expect([error.reason, error.field]).toEqual([reason as never, `verifiers[0].parameters.${field}`]);
  }
  const long = "1 ".repeat(40_000);
  expect(await judgeTexts("equations", {}, [long])).toEqual(["TOO_LARGE"]);
  expect(await judgeTexts("vote_share", {}, [long, "1"])).toEqual(["TOO_LARGE", "1 answered"]);
});
