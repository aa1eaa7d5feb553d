/** A replay chooses what the served strategy would have chosen: the gateway's own strategies on a simulated model say so. */
import { expect, test } from "bun:test";
import type { Arm } from "../../eval/src/arms.ts";
import { canReplay, replay } from "../../eval/src/replay.ts";
import { run } from "../gateway/strategies/support/run.ts";
import { recordOf, worldOf } from "./support/chain-pool.ts";

const POOL = 16;
const RUNS = 60;
const ARMS: readonly Arm[] = (["best-of-n", "weighted-majority"] as const).flatMap((strategy) =>
  (["mean_logprob", "outcome"] as const).flatMap((verifier) =>
    [4, POOL].map((budget) => ({ strategy, verifier, budget })),
  ),
);

test.each(ARMS)("$strategy of $budget under $verifier", async (arm) => {
  const texts = new Set<string>();
  for (let problem = 1; problem <= RUNS; problem++) {
    const pooled = await run("confidence-vote", worldOf(problem, arm.verifier), { candidates: POOL });
    const served = await run(arm.strategy, worldOf(problem, arm.verifier), { candidates: arm.budget });
    const replayed = replay(arm, recordOf(pooled, "confidence-vote/16"));
    expect([problem, replayed.text]).toEqual([problem, served.chosen]);
    expect(replayed.tokensGenerated).toBe(served.result.ledger.spent.generated);
    texts.add(served.chosen);
  }
  expect(texts.size).toBeGreaterThan(1);
});

test("what grows step by step, or is judged by more than the samples tell, is not replayed", async () => {
  expect(canReplay({ strategy: "particle-filtering", verifier: "outcome", budget: 4 })).toBe(false);
  expect(canReplay({ strategy: "best-of-n", verifier: "probe", budget: 4 })).toBe(false);
  const small = recordOf(await run("confidence-vote", worldOf(1, "outcome"), { candidates: 2 }), "pool");
  expect(() => replay({ strategy: "best-of-n", verifier: "outcome", budget: 4 }, small)).toThrow("pool of 2");
});
