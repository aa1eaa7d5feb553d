/**
 * A method's version goes up when it fits something else: what each fits to the same readings is written down here beside its
 * version. If a line differs and was meant to, count the version up (or FIT_FORMAT, for what methods share) and write it down.
 */
import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { createRandom } from "../../../services/steering/src/controller/random.ts";
import { METHODS } from "../../../services/steering/src/methods/index.ts";
import type { ContrastRows, Reading } from "../../../services/steering/src/methods/method.ts";

const MODEL = { digest: "ab".repeat(32), layers: 4, width: 16, heads: 4, headDim: 4 };
const SEED = 9;

/** Rows that lie apart along one axis, more and more so with the depth, and turn from one side to the other. */
function readingOf(seed: number): Reading {
  const random = createRandom(seed);
  const side = (sign: number) =>
    Array.from({ length: 12 }, () => {
      const rowOf = (layer: number) =>
        Float32Array.from(
          { length: MODEL.width },
          (_, at) =>
            random.normal() + (at === 0 ? 2 * sign * (layer + 1) : 0) + (at === 1 ? sign * layer : 0),
        );
      return new Map(Array.from({ length: MODEL.layers }, (_, layer) => [layer, rowOf(layer)]));
    });
  const rows = (): ContrastRows => ({ positive: side(1), negative: side(-1) });
  return { train: rows(), validation: rows() };
}

/** Numbers to three digits, so that another machine's last bit does not matter. */
const rounded = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (_, each: unknown) => {
      if (each instanceof Map) return [...each];
      // A field the schema got since says nothing of what was fitted.
      if (Array.isArray(each) && each.length === 0) return undefined;
      if (each instanceof Uint8Array)
        return each.byteLength % 4 === 0 ? [...new Float32Array(each.slice().buffer)].map(brief) : [...each];
      if (ArrayBuffer.isView(each)) return [...(each as Float32Array)].map(brief);
      return typeof each === "number" ? brief(each) : each;
    }),
  );
const brief = (value: number): string => (Math.abs(value) < 1e-6 ? "0" : value.toPrecision(3));

test("what a method fits is what its version says", () => {
  const seen = Object.fromEntries(
    Object.values(METHODS).map((method) => {
      const readings = [readingOf(SEED), readingOf(SEED + 1)];
      const made =
        method.yields === "direction"
          ? method.fit((readings[0] as Reading).train, MODEL.layers, SEED)
          : method.fit(readings, { heads: 3 }, MODEL as Parameters<typeof method.fit>[2]);
      const digest = createHash("sha256")
        .update(JSON.stringify(rounded(made)))
        .digest("hex");
      return [method.name, `version ${method.version}: ${digest.slice(0, 12)}`];
    }),
  );
  expect(seen).toEqual({
    angular: "version 3: 2684d8567306",
    cast: "version 3: 726b109dc2f7",
    choice_contrast: "version 1: a3abb545a898",
    iti: "version 2: bc6c11758658",
    logistic_probe: "version 1: a4b526e77ecc",
    output_embedding: "version 1: 7f8b2e6a9585",
    pairwise_pca: "version 2: ef0794c19b05",
    pca: "version 2: 168982e9cc2f",
    prompt_contrast: "version 1: a3abb545a898",
    random_direction: "version 1: 2471e74f3fa0",
    response_contrast: "version 1: a3abb545a898",
    selective: "version 3: 4281b7c14a02",
    text_contrast: "version 2: a3abb545a898",
  });
});
