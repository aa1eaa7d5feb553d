/** Decays as windows of a program: what every generated token gets, however slowly its push fades. */
import { expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { type Operation, OperationSchema, Scope } from "#proto/trimtab/type/v1/program_pb.ts";
import { MAX_WINDOWS } from "../../../services/forward/limits.ts";
import { decayed } from "../../../services/steering/src/decay.ts";

/** What generated token `at` is pushed by, of a push of 1. */
function pushAt(operation: Operation, decay: number, at: number): number {
  return decayed(operation, 1, decay)
    .filter(({ operation: { scope } }) => scope !== Scope.LAST)
    .filter(({ operation: { answerWindow: w } }) => !w || (at >= w.first && (w.end === 0 || at < w.end)))
    .reduce((sum, { coefficient }) => sum + coefficient, 0);
}

const whole = create(OperationSchema, { scope: Scope.UNSPECIFIED });

test("a push that does not decay is the push, to the end of the answer", () => {
  expect(decayed(whole, 1, 1)).toEqual([{ operation: whole, coefficient: 1 }]);
});

test("a push that decays slowly goes on as long as something is left of it", () => {
  for (const at of [0, 1, 7, 511, 512, 600, 3_000, 20_000]) {
    const left = 0.9999 ** at;
    // The mean over a window: between the powers at its two ends, which are a factor of two of tokens apart.
    expect(pushAt(whole, 0.9999, at)).toBeGreaterThanOrEqual(Math.min(left, 0.9999 ** (2 * at)));
    expect(pushAt(whole, 0.9999, at)).toBeLessThanOrEqual(0.9999 ** (at / 2));
  }
  expect(pushAt(whole, 0.9999, 1_000_000)).toBe(0);
});

test("what begins late in an answer decays, too", () => {
  const late = create(OperationSchema, { scope: Scope.DECODE, answerWindow: { first: 600, end: 0 } });
  expect(pushAt(late, 0.999, 599)).toBe(0);
  expect(pushAt(late, 0.999, 600)).toBeGreaterThan(0.999 ** 1_024);
});

test("however slowly a push fades, a course of two stretches has room in one program, and every token nearly its power", () => {
  const stretch = (first: number, end: number) =>
    create(OperationSchema, { scope: Scope.DECODE, answerWindow: { first, end } });
  for (const decay of Array.from({ length: 40 }, (_, k) => 1 - 2 ** -(k + 1))) {
    const parts = [stretch(0, 16), stretch(16, 0)].flatMap((part) => decayed(part, 1, decay));
    const windows = new Set(parts.map(({ operation: { answerWindow: w } }) => `${w?.first} ${w?.end}`));
    expect(windows.size).toBeLessThanOrEqual(MAX_WINDOWS);
    for (const at of [0, 1, 2, 3, 7, 15, 16, 100, 1_000, 4_095, 30_000, 500_000])
      expect(Math.abs(pushAt(whole, decay, at) - decay ** at)).toBeLessThan(0.2);
  }
});
