/** Canonical answers: equal ones are equal texts, and different ones are not. */
import { expect, test } from "bun:test";
import { answerOf } from "../../../gateway/src/strategies/answers.ts";

const NUMBER = { form: "number", marker: "" } as const;

test("numbers that are equal are one answer, digit by digit", () => {
  const cases: [text: string, answer: string | undefined][] = [
    ["so 1,234.50 in all", "1234.5"],
    ["1234.5", "1234.5"],
    ["-0.0", "0"],
    ["007", "7"],
    ["it is 5-3", "3"],
    ["-7.10", "-7.1"],
    ["0.050", "0.05"],
    ["none", undefined],
    ["9007199254740993", "9007199254740993"],
    ["9007199254740992", "9007199254740992"],
    ["0.12345678901234567891", "0.12345678901234567891"],
    [`1${"0".repeat(400)}`, `1${"0".repeat(400)}`],
  ];
  for (const [text, answer] of cases) expect([text, answerOf(text, NUMBER)]).toEqual([text, answer]);
});

test("a marker and the form say where the answer stands", () => {
  expect(answerOf("3 Answer: 4 Answer: 5", { form: "number", marker: "Answer:" })).toBe("5");
  expect(answerOf("3", { form: "number", marker: "Answer:" })).toBeUndefined();
  expect(answerOf("one\n Two  words! \n\n", { form: "line", marker: "" })).toBe("two words");
  expect(answerOf(" Two\nlines. ", { form: "text", marker: "" })).toBe("two lines");
});
