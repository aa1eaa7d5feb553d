// Arithmetic as models write it: bullets, TeX, powers, large numbers. Expected values are worked out by hand.

import { expect, test } from "bun:test";
import { judgeTexts } from "./service.ts";

test("bullets are no signs, TeX and letters multiply, and what is no arithmetic makes no equation wrong", async () => {
  const holds = ["- 3 + 4 = 7", "* 3 + 4 = 7", "  • 3 + 4 = 7", "2 \\times 3 + 4 = 10", "2 x 3 + 4 = 10"];
  holds.push("8 \\div 2 + 1 = 5", "-3 + 4 = 1", "2 - 7 = - 5");
  const unknown = ["2^3 + 1 = 9", "√9 + 1 = 4", "sqrt(9) + 1 = 4", "\\frac{8}{2} - 1 + 2 = 5", "0x10 = 16"];
  expect(await judgeTexts("equations", {}, holds)).toEqual(holds.map(() => "1 holds"));
  expect(await judgeTexts("equations", {}, unknown)).toEqual(unknown.map(() => "0.5 no_equation"));
  expect(await judgeTexts("expression", { numbers: [3, 4], target: 7 }, ["- 3 + 4"])).toEqual(["1 correct"]);
});

test("whole numbers are compared exactly, however large", async () => {
  expect(await judgeTexts("equations", {}, ["123456 * 100000 = 12345600001", "0.1 + 0.2 = 0.3"])).toEqual([
    "0 wrong",
    "1 holds",
  ]);
  const texts = ["The answer is 12345678902", "The answer is 12,345,678,901"];
  const expected = 12_345_678_901;
  expect(await judgeTexts("numeric_answer", { expected }, texts)).toEqual(["0 wrong", "1 correct"]);
  expect(await judgeTexts("numeric_answer", { expected, tolerance: 1 }, texts)).toEqual([
    "1 correct",
    "1 correct",
  ]);
  const million = { numbers: [2_000_000_001, 1], target: 2_000_000_000 };
  expect(await judgeTexts("expression", million, ["2000000001 - 1", "2000000002 - 1"])).toEqual([
    "1 correct",
    "0 wrong_numbers",
  ]);
});

test("the answer is the number that is said to be it, however it is set and calculated", async () => {
  const texts = [
    "Total: 30 apples. The answer is **24**.",
    "**Answer:** 24 (in 3 steps)",
    "The answer is: 24 (from 6 and 4)",
    "The answer is \\(24\\), see step 3",
    "The total is 12 + 12 = 24, in 2 parts",
    "The result = (2 + 4) * 4 = 6 * 4 = $24",
    "The result:\n- 24 apples",
    "The total is 24. 5 + 3 = 8 is another sum",
    "The total is 24\n5 + 3 = 8",
    "The answer is 24 (which is 2 * 12)",
  ];
  expect(await judgeTexts("numeric_answer", { expected: 24 }, texts)).toEqual(texts.map(() => "1 correct"));
  const negative = ["The answer is - 24", "The answer is $-24$, 2 digits", "The result is -$24"];
  expect(await judgeTexts("numeric_answer", { expected: -24 }, negative)).toEqual(
    negative.map(() => "1 correct"),
  );
});
