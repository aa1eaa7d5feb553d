/** Caps of a composition and of its parts hold, whoever names them; on the real engine with the synthetic model. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { SteeringUseSchema } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { ConflictRule } from "#proto/trimtab/type/v1/program_pb.ts";
import { movedBy, planOutcome } from "./support/outcomes.ts";
import { fitTwoDirections, type SyntheticStack, startSyntheticStack } from "./support/synthetic-stack.ts";

setDefaultTimeout(120_000);

type Use = MessageInitShape<typeof SteeringUseSchema>;
const BAD = "do bad thing number 300";
let stack: SyntheticStack;
beforeAll(async () => {
  stack = await startSyntheticStack();
  await fitTwoDirections(stack);
});
afterAll(() => stack.close());

const at = (direction: string, dose: number, more: object = {}): Use => ({
  ...{ direction, dose: { dose: { case: "relative", value: dose } }, layers: [2] },
  ...more,
});
const moved = (use: Use) => movedBy(stack, BAD, use);
const refusal = (use: Use) => planOutcome(stack, BAD, use);

test("a composition that is to be clamped limits the additions of its parts", async () => {
  const parts = [at("mean", 0.5)];
  expect(await moved({ parts })).toBeGreaterThan(0.3);
  expect(await moved({ parts, clamp: true, cap: 0.1 })).toBeLessThan(0.1 + 1e-4);
  // The smaller of a part's limit and the whole's.
  const own = [at("mean", 0.5, { clamp: true, cap: 0.2 })];
  expect(await moved({ parts: own, clamp: true, cap: 0.1 })).toBeLessThan(0.1 + 1e-4);
  expect(await moved({ parts: own, clamp: true, cap: 0.3 })).toBeLessThan(0.2 + 1e-4);
});

test("a part's own cap is kept: a dose beyond it is refused, or limited where the part is clamped", async () => {
  expect(await refusal({ parts: [at("noise", 0.1), at("mean", 0.5, { cap: 0.25 })] })).toBe(
    "FIELD_OUT_OF_RANGE steering.parts[1].cap",
  );
  expect(await moved({ parts: [at("mean", 0.5, { cap: 0.25, clamp: true })] })).toBeLessThan(0.25 + 1e-4);
});

test("a clamped part counts for no more than its limit in the sum that the whole's cap is for", async () => {
  const parts = [at("mean", 0.5, { cap: 0.1, clamp: true }), at("noise", 0.2)];
  expect(await refusal({ parts, cap: 0.35 })).toBe("accepted");
  expect(await refusal({ parts, cap: 0.25 })).toBe("FIELD_OUT_OF_RANGE steering.cap");
});

test("the cap of a whole is one of 0 to 4, as that of a use is", async () => {
  const parts = [at("mean", 3), at("noise", 3)];
  expect(await refusal({ parts, cap: 9 })).toBe("FIELD_OUT_OF_RANGE steering.cap");
  expect(await refusal({ parts, cap: -1 })).toBe("FIELD_OUT_OF_RANGE steering.cap");
  expect(await refusal({ parts, cap: Number.NaN })).toBe("NON_FINITE steering.cap");
  expect(await refusal({ parts })).toBe("FIELD_OUT_OF_RANGE steering.cap");
});

test("what a part cannot say for the whole is refused, not left aside", async () => {
  for (const [more, field] of [
    [{ exclusive: true }, "exclusive"],
    [{ conflictRule: ConflictRule.ERROR }, "conflict_rule"],
    [{ everyTokens: 4 }, "every_tokens"],
  ] as const)
    expect(await refusal({ parts: [at("mean", 0.1), at("noise", 0.1, more)] })).toBe(
      `INVALID_ARGUMENT steering.parts[1].${field}`,
    );
});
