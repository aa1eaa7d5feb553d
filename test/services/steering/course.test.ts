// Courses of doses: which tokens get how much, from a plain table of every position.
import { expect, test } from "bun:test";
import { Scope } from "#proto/trimtab/type/v1/program_pb.ts";
import { courseStretches, type DoseCourse } from "../../../services/steering/src/course.ts";

const TOKENS = 6;

/** Multiples at the last prompt token and at the generated tokens, read off the stretches. */
function multiples(course: DoseCourse): number[] {
  const table = new Array<number>(1 + TOKENS).fill(0);
  for (const { scope, span, times } of courseStretches(course)) {
    for (let at = 0; at <= TOKENS; at++) {
      const isAnswer = at > 0;
      const inSpan = !span || (at - 1 >= span.first && (span.end === 0 || at - 1 < span.end));
      const covers =
        scope === Scope.UNSPECIFIED || (isAnswer ? scope === Scope.DECODE && inSpan : scope === Scope.LAST);
      if (covers) table[at] = (table[at] ?? 0) + times;
    }
  }
  return table;
}

test("every token gets the dose of its part of the course, once", () => {
  for (const start of [0, 1, 4]) {
    for (const holdTokens of [0, 1, 3]) {
      for (const rest of [0, 0.5, 1]) {
        const answer = Array.from({ length: TOKENS }, (_, i) => (i < holdTokens ? 1 : rest));
        expect(multiples({ start, holdTokens, rest, ending: 0.1 })).toEqual([start, ...answer]);
      }
    }
  }
});

test("a constant course is one stretch, and parts without a dose are none", () => {
  expect(courseStretches({ start: 1, holdTokens: 5, rest: 1, ending: 0 })).toHaveLength(1);
  expect(courseStretches({ start: 4, holdTokens: 12, rest: 0, ending: 0 })).toHaveLength(2);
  expect(courseStretches({ start: 0, holdTokens: 0, rest: 0, ending: 0 })).toEqual([]);
});
