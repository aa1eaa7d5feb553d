// Numbers of command-line options: what is in range is read, everything else is refused with the range.
import { expect, test } from "bun:test";
import { integerIn, numberIn, numberOver } from "#kit/option-values.ts";

test("whole numbers: both ends are in, halves and what is no number are not", () => {
  const parse = integerIn(0, 16);
  expect(["0", "16", "0x10", "1e1"].map(parse)).toEqual([0, 16, 16, 10]);
  for (const text of ["", " ", "-1", "17", "1.5", "two", "NaN", "Infinity"])
    expect(() => parse(text)).toThrow("a whole number from 0 to 16");
});

test("numbers: the lower end is in, or out", () => {
  expect(["0", "0.5", "2"].map(numberIn(0, 2))).toEqual([0, 0.5, 2]);
  for (const text of ["", "-0.1", "2.1", "NaN"]) expect(() => numberIn(0, 2)(text)).toThrow("from 0 to 2");
  expect(numberOver(0, 2)("2")).toBe(2);
  for (const text of ["", "0", "2.1", "NaN"])
    expect(() => numberOver(0, 2)(text)).toThrow("over 0 and up to 2");
});
