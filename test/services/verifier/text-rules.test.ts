// Verifiers that judge text by a rule: regular expressions, numbers, length, repetition.

import { expect, test } from "bun:test";
import { errorOf, judge, judgeTexts } from "./service.ts";

test("a pattern is searched for, or must be all of the answer, or must be absent", async () => {
  const texts = ["abc 42", "42", "abc"];
  const pattern = "\\d+";
  expect(await judgeTexts("regex", { pattern }, texts)).toEqual(["1 match", "1 match", "0 no_match"]);
  expect(await judgeTexts("regex", { pattern, match: "whole" }, texts)).toEqual([
    "0 no_match",
    "1 match",
    "0 no_match",
  ]);
  expect(await judgeTexts("regex", { pattern, negate: true }, texts)).toEqual([
    "0 match",
    "0 match",
    "1 no_match",
  ]);
  expect(await judgeTexts("regex", { pattern: "^B.c$", flags: "ims" }, ["a\nb\nc", "abc"])).toEqual([
    "1 match",
    "0 no_match",
  ]);
});

test("a pattern that takes other engines exponential time takes linear time here", async () => {
  // 2^60,000 steps elsewhere: only a linear engine answers at all.
  const verdicts = await judgeTexts("regex", { pattern: "(a+)+$" }, [`${"a".repeat(60_000)}!`]);
  expect(verdicts).toEqual(["0 no_match"]);
});

test("an answer too long for a pattern is a failed verdict; others of the batch are judged", async () => {
  const verdicts = await judgeTexts("regex", { pattern: "x" }, ["x".repeat(70_000), "x"]);
  expect(verdicts).toEqual(["TOO_LARGE", "1 match"]);
});

test("G21 patterns that are malformed, not RE2, or too large are refused by name", async () => {
  const cases: [string, string][] = [
    ["(", "INVALID_ARGUMENT"],
    ["(?=a)b", "INVALID_ARGUMENT"],
    ["(a)\\1", "INVALID_ARGUMENT"],
    ["a{1001}", "INVALID_ARGUMENT"],
    ["((a{10}){10}){9}b{900}", "TOO_LARGE"],
    ["a".repeat(1_025), "TOO_LARGE"],
    ["", "FIELD_OUT_OF_RANGE"],
  ];
  for (const [pattern, reason] of cases) {
    const error = await errorOf(judge("regex", { pattern }, [{ text: "a" }]));
    expect([pattern.slice(0, 30), error.reason]).toEqual([pattern.slice(0, 30), reason as never]);
    expect(error.field).toBe("verifiers[0].parameters.pattern");
  }
});

test("the final number is found as people and models write it", async () => {
  const right: [number, string][] = [
    [42, "The answer is 42."],
    [42, "6 times 7 is 42. #### 42"],
    [1234.5, "That makes $1,234.50 in all."],
    [-3, "The temperature is -3 degrees."],
    [-3, "so x = −3"],
    [0.75, "We get \\boxed{3/4}."],
    [0.75, "The answer is 3/4"],
    [50, "The total is 50%."],
    [7, "First 3, then 4, so the result is 7. Check: 7 - 4 = 3"],
    [1e6, "There are 1,000,000 of them"],
    [12, "#### 12\n"],
    [5, "She has 5 apples"],
    [0.5, "about .5 of it: the answer is .5"],
  ];
  for (const [expected, text] of right) {
    expect([text, ...(await judgeTexts("numeric_answer", { expected }, [text]))]).toEqual([
      text,
      "1 correct",
    ]);
  }
  const texts = ["The answer is 41.", "no idea", "x2y", ""];
  expect(await judgeTexts("numeric_answer", { expected: 42 }, texts)).toEqual([
    "0 wrong",
    "0 no_number",
    "0 no_number",
    "0 no_number",
  ]);
});

test("tolerances are absolute and relative, and the edge is inside", async () => {
  const near = ["101", "101.1"];
  expect(await judgeTexts("numeric_answer", { expected: 100, tolerance: 1 }, near)).toEqual([
    "1 correct",
    "0 wrong",
  ]);
  expect(await judgeTexts("numeric_answer", { expected: 100, relative_tolerance: 0.01 }, near)).toEqual([
    "1 correct",
    "0 wrong",
  ]);
});

test("length is 1 within the bounds and the ratio to the nearer bound outside", async () => {
  const texts = ["one", "one two", "one two three", "one two three four five six"];
  expect(await judgeTexts("length", { min: 2, max: 3 }, texts)).toEqual([
    "0.5 too_short",
    "1 within",
    "1 within",
    "0.5 too_long",
  ]);
  expect(await judgeTexts("length", { max: 2, unit: "chars" }, ["ab", "\u{1f600}\u{1f600}", "abcd"])).toEqual(
    ["1 within", "1 within", "0.5 too_long"],
  );
  expect(await judgeTexts("length", { max: 2, unit: "tokens" }, ["ab"])).toEqual(["FIELD_REQUIRED"]);
  const error = await errorOf(judge("length", { min: 3, max: 2 }, [{ text: "" }]));
  expect([error.reason, error.field]).toEqual(["FIELD_OUT_OF_RANGE", "verifiers[0].parameters.max"]);
  expect((await errorOf(judge("length", {}, [{ text: "" }]))).reason).toBe("FIELD_REQUIRED");
});

test("repetition is the share of new n-grams, and a loop scores 0", async () => {
  // Five bigrams, of which "a b" comes twice: 4 of 5 are new.
  expect(await judgeTexts("repetition", { n: 2 }, ["a b c a b d"])).toEqual(["0.8 varied"]);
  expect(
    await judgeTexts("repetition", {}, ["", "one two", "We go on and on and on and on and on."]),
  ).toEqual(["1 varied", "1 varied", "0 loops"]);
});
