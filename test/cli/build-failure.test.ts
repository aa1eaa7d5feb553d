/** A build that fails says why, and the command ends with the status of that. */
import { expect, test } from "bun:test";
import { hasReason } from "#kit/errors.ts";
import { buildRecipe } from "../../cli/src/recipe/build.ts";

const failing = (failure: string) =>
  ({
    async *buildRecipe() {
      yield {
        build: {
          failure: "",
          phase: "direction",
          phaseCount: 1,
          tokensDone: 0n,
          tokensBudget: 0n,
          detail: "",
        },
      };
      yield {
        build: {
          failure,
          phase: "direction",
          phaseCount: 1,
          tokensDone: 0n,
          tokensBudget: 0n,
          detail: "leakage",
        },
      };
    },
  }) as unknown as Parameters<typeof buildRecipe>[0];

test.each([
  ["ARTIFACT_INVALID", "ARTIFACT_INVALID"],
  ["CANCELLED", "CANCELLED"],
  ["A_REASON_OF_TOMORROW", "SERVICE_UNAVAILABLE"],
] as const)("%s is %s", async (failure, reason) => {
  const error = await buildRecipe(failing(failure), "pirate").catch((thrown: unknown) => thrown);
  expect(hasReason(error, reason)).toBe(true);
  expect(String(error)).toContain("the build of pirate failed: leakage");
});
