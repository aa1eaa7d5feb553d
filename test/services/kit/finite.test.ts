/** One value that is not finite, anywhere, and of either sign, is noticed; the largest ones are finite. */
import { expect, test } from "bun:test";
import { allFinite } from "#kit/finite.ts";

test("finite values are, up to the largest; none are, too", () => {
  expect(allFinite(Float32Array.of(0, -0, 3.4028234e38, -3.4028234e38, 1e-45))).toBe(true);
  expect(allFinite(Float64Array.of(Number.MAX_VALUE, -Number.MAX_VALUE, Number.MAX_VALUE))).toBe(true);
  expect(allFinite(new Float32Array())).toBe(true);
});

test("a NaN and both infinities are noticed wherever they stand", () => {
  for (const value of [Number.NaN, Infinity, -Infinity]) {
    for (const at of [0, 7, 15]) {
      const values = new Float32Array(16).fill(1);
      values[at] = value;
      expect(allFinite(values)).toBe(false);
    }
  }
});
