/**
 * Everything that reads what others wrote, with random and damaged inputs: a result or a typed error that is not INTERNAL, every
 * reason reached, and at least three of ten inputs past the first check. What once failed is in the corpus of its target and read
 * in every run. A failure prints its seed and its input.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { grammarTarget, regexTarget, schemaTarget } from "./constraints.ts";
import { onnxTarget, svecTarget } from "./files.ts";
import { bodyTarget, messageTarget, stack } from "./requests.ts";
import { fuzz, SEED } from "./run.ts";
import type { Target } from "./target.ts";
import { templateTarget } from "./templates.ts";

setDefaultTimeout(20 * 60_000);
const TARGETS = [
  ...[
    messageTarget,
    bodyTarget,
    svecTarget,
    onnxTarget,
    templateTarget,
    regexTarget,
    schemaTarget,
    grammarTarget,
  ],
] as readonly Target<unknown>[];

test.each(TARGETS.map((target) => [target.name, target] as const))(
  `A15 random and damaged %s are read or refused, every reason reached (seed ${SEED})`,
  (_, target) => fuzz(target),
);

test("after all this nothing is left in the gateway", () => {
  expect([[...stack.forward.alive], stack.gateway.running()]).toEqual([[], 0]);
});
