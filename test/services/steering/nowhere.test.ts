/** A scope that leaves nothing of a recipe's course is refused: a wish to steer is not answered unsteered. */
import { expect, test } from "bun:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SteeringUseSchema } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { Scope } from "#proto/trimtab/type/v1/program_pb.ts";
import { resolveIntent } from "../../../services/steering/src/plan.ts";
import { readRecipe } from "../../../services/steering/src/recipes/recipe.ts";
import { refusedFor, refusedField } from "../../support/refusal.ts";
import { writeSmallRecipe } from "./support/small-recipe.ts";

const direction = {
  ...{ modelDigest: "ab".repeat(32), method: "response_contrast", layers: 2, width: 2 },
  raw: new Map([[1, Float32Array.of(3, 4)]]),
  medianResidualNorms: Float32Array.of(10, 20),
};
function resolve(
  course: { start: number; holdTokens: number; rest: number },
  use: MessageInitShape<typeof SteeringUseSchema>,
) {
  const recipe = {
    direction,
    ending: direction,
    doses: [{ layer: 1, relative: 0.2 }],
    course: { ...course, ending: 0 },
  };
  return resolveIntent({ kind: "recipe", recipe }, create(SteeringUseSchema, { recipe: "r", ...use }));
}
const late = { start: 0, holdTokens: 4, rest: 0 };
const early = { start: 1, holdTokens: 0, rest: 0 };

test.each([
  ["the last prompt token", late, Scope.LAST],
  ["generated tokens", early, Scope.DECODE],
])("of a recipe that does not push at %s", (_name, course, scope) => {
  expect(refusedField(() => resolve(course, { scope }))).toEqual({
    reason: "FIELD_OUT_OF_RANGE",
    field: "steering.scope",
  });
  expect(resolve(course, { scope, scale: 0 }).program).toBeNull();
  expect(resolve(course, {}).program).not.toBeNull();
});

test("a candidate of a recipe that pushes nowhere is none", () => {
  const directory = mkdtempSync(join(tmpdir(), "trimtab-nowhere-"));
  try {
    const folder = join(writeSmallRecipe(directory), "refusal");
    const file = join(folder, "recipe.toml");
    const text = readFileSync(file, "utf8");
    expect(refusedFor(() => readRecipe(folder))).toBe("none");
    const idle = "start = 0.0, hold_tokens = 0, rest = 0.0, ending = 0.0";
    writeFileSync(file, text.replace("start = 1.0, hold_tokens = 0, rest = 1.0, ending = 0.0", idle));
    expect(refusedFor(() => readRecipe(folder))).toBe("ARTIFACT_INVALID");
  } finally {
    rmSync(directory, { recursive: true });
  }
});
