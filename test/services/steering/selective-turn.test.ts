/** The turn of Selective Steering is a mean of angles: half a turn one way and half a turn the other way do not cancel. */
import { expect, test } from "bun:test";
import type { Edit } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import type { Reading } from "../../../services/steering/src/methods/method.ts";
import { selectiveSteering } from "../../../services/steering/src/methods/selective-steering.ts";

const MODEL = { digest: "ab".repeat(32), layers: 2, width: 3 };

/** Rows of two blocks whose classes lie on opposite sides, both a little above the axis in the first and below it in the second. */
function reading(): Reading {
  const rows = (sign: number) => {
    const rowOf = (layer: number) => {
      const above = layer === 0 ? 1 : -1;
      return Float32Array.of(sign, above * (0.2 + 0.05 * sign), 0);
    };
    return [new Map([0, 1].map((layer) => [layer, rowOf(layer)]))];
  };
  const contrast = { positive: rows(1), negative: rows(-1) };
  return { train: contrast, validation: contrast };
}

test("classes nearly half a turn apart, a little less one way in one block and the other way in another, are turned by half a turn", () => {
  const model = MODEL as Parameters<typeof selectiveSteering.fit>[2];
  const edit = selectiveSteering.fit([reading(), reading()], {}, model) as Edit;
  expect(edit.strengths).toHaveLength(4);
  for (const { coefficient } of edit.strengths) expect(Math.abs(coefficient)).toBeGreaterThan(3.1);
});
