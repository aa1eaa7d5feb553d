/**
 * Everything that reads what others wrote, with random and damaged inputs: a result or a typed error that is not INTERNAL, every
 * reason reached, and at least three of ten inputs past the first check. What once failed is in the corpus of its target and read
 * in every run. A failure prints its seed and its input.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { createRandom } from "../../model/strings.ts";
import { reportCount } from "../../support/counts.ts";
import { grammarTarget, regexTarget, schemaTarget } from "./constraints.ts";
import { onnxTarget, svecTarget } from "./files.ts";
import { bodyTarget, messageTarget, stack } from "./requests.ts";
import { type Target, tryInput } from "./target.ts";
import { templateTarget } from "./templates.ts";

setDefaultTimeout(20 * 60_000);
const isFull = process.env["TRIMTAB_TEST_FULL"] === "1";
/** The full suite takes another seed every time. */
const SEED = Number(process.env["TRIMTAB_FUZZ_SEED"] ?? (isFull ? Date.now() % 1_000_000 : 4));
const LEAST_PAST = 0.3;
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
  async (_, target) => {
    const cases = target.cases[isFull ? 1 : 0];
    const reached = new Map<string, number>();
    let past = 0;
    const count = (reason: string): void => void reached.set(reason, (reached.get(reason) ?? 0) + 1);
    for (const input of target.corpus) count((await tryInput(target, input)).reason);
    for (let i = 0; i < cases; i++) {
      const outcome = await tryInput(target, target.make(createRandom(SEED * 1_000_003 + i)));
      count(outcome.reason);
      if (outcome.isPast) past++;
    }
    const share = `${((past / cases) * 100).toFixed(1)} % past the first check`;
    reportCount(
      `fuzz cases of ${target.name}`,
      cases,
      `${share}; ${[...reached].map(([r, n]) => `${r} ${n}`).join(", ")}`,
    );
    expect(past / cases).toBeGreaterThanOrEqual(LEAST_PAST);
    expect(reached.get("ok")).toBeGreaterThan(0);
    expect(target.reasons.filter((reason) => !reached.has(reason))).toEqual([]);
  },
);

test("after all this nothing is left in the gateway", () => {
  expect([[...stack.forward.alive], stack.gateway.running()]).toEqual([[], 0]);
});
