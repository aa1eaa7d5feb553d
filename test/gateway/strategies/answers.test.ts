/** Canonical answers: equal ones are equal texts, and different ones are not. */
import { expect, test } from "bun:test";
import { answerOf } from "../../../gateway/src/strategies/answers.ts";
import type { Candidate, Search } from "../../../gateway/src/strategies/strategy.ts";
import { elect, evenBallots } from "../../../gateway/src/strategies/votes.ts";

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

test("the answer that wins is shown by one that voted for it, not by one that was cut off", () => {
  const search = { answer: ({ text }: Candidate) => answerOf(text, NUMBER) } as Search;
  const one = (text: string, ended: Candidate["ended"], logprob: number) =>
    ({ text, ended, logprob, tokens: 1 }) as Candidate;
  const [whole, other, cut] = [
    one("so 7.", "stop", -3),
    one("so 8.", "stop", -4),
    one("7 and", "length", -1),
  ];
  const voted = elect(search, evenBallots([whole, other, cut]));
  expect(voted.answers.map(({ answer, votes }) => [answer, votes])).toEqual([
    ["7", 1],
    ["8", 1],
  ]);
  expect(voted.chosen).toBe(whole);
  expect(elect(search, evenBallots([cut])).chosen).toBe(cut);
  expect(elect(search, evenBallots([one("none", "stop", -3), one("nothing", "stop", -2)])).chosen.text).toBe(
    "nothing",
  );
});
