/** The table of `auto`: fitted where the best strategy depends on difficulty, and where it does not. */
import { expect, test } from "bun:test";
import { crossValidate, fitTable, type Tried } from "../../eval/src/policy/fit.ts";

const PROBLEMS = 60;

/** Problems of rising difficulty; `isRight` says which strategy answers which. */
function problems(isRight: (strategy: string, isEasy: boolean) => boolean): Tried[] {
  return Array.from({ length: PROBLEMS }, (_, index) => {
    const isEasy = index < PROBLEMS / 2;
    const right = new Map(["votes", "search"].map((name) => [name, isRight(name, isEasy)]));
    return { id: `problem ${index}`, difficulty: index / PROBLEMS, right };
  });
}

test("each bin gets what is right in it, and the policy beats one strategy for all and itself by chance", () => {
  const tried = problems((strategy, isEasy) => (strategy === "votes") === isEasy);
  expect(fitTable(tried, 2)).toEqual([
    { up_to: (PROBLEMS / 2 - 1) / PROBLEMS, strategy: "votes" },
    { up_to: 1, strategy: "search" },
  ]);
  const report = crossValidate(tried, 2);
  expect(report.accuracy).toBeGreaterThan(0.9);
  expect(report.overSingle.lower).toBeGreaterThan(0.2);
  expect(report.overShuffled.lower).toBeGreaterThan(0.2);
});

test("where difficulty does not matter the policy is the single strategy", () => {
  const report = crossValidate(
    problems((strategy) => strategy === "search"),
    2,
  );
  expect([report.accuracy, report.single, report.shuffled]).toEqual([1, 1, 1]);
});
