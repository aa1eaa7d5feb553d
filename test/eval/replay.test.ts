/** A replay chooses what the served strategy would have chosen: the gateway's own strategies on a simulated model say so. */
import { expect, test } from "bun:test";
import type { Arm } from "../../eval/src/arms.ts";
import { canReplay, replay } from "../../eval/src/replay.ts";
import type { SearchRecord } from "../../eval/src/sample.ts";
import { answerOf } from "../../gateway/src/strategies/answers.ts";
import { meanLogprob } from "../../gateway/src/strategies/votes.ts";
import { createChain } from "../gateway/strategies/support/chains.ts";
import { type Ran, run } from "../gateway/strategies/support/run.ts";
import { createSimulatedWorld, type SimulatedModel } from "../gateway/strategies/support/simulated-world.ts";

const POOL = 16;
const RUNS = 60;
const CHAIN = createChain([0.6, 0.5], 4, 3);
/** The chain's texts at uneven odds, so that the likelihood of an answer says something. */
const MODEL: SimulatedModel = {
  next: (text) =>
    CHAIN.next(text).map(({ text: piece, p }, i) => ({ text: piece, p: p * (1 + (i % 3) / 4) })),
};

function worldOf(problem: number, verifier: Arm["verifier"]) {
  const likely = (text: string): number => {
    const lines = text.split(/(?<=\n)/);
    const odds = lines.map((line, at) => {
      const pieces = MODEL.next(lines.slice(0, at).join(""));
      const total = pieces.reduce((sum, { p }) => sum + p, 0);
      return Math.log((pieces.find((piece) => piece.text === line)?.p ?? 1) / total);
    });
    return Math.exp(odds.reduce((sum, one) => sum + one, 0) / lines.length);
  };
  const isRight = (text: string): number => Number(answerOf(text, ANSWER) === CHAIN.answer);
  return createSimulatedWorld(MODEL, verifier === "outcome" ? isRight : likely, BigInt(problem) << 20n);
}

const ANSWER = { form: "number", marker: "" } as const;

/** The record that an evaluation keeps of a search. */
const recordOf = ({ result, chosen, answer }: Ran, arm: string): SearchRecord => ({
  ...{ key: arm, problem: "p", kind: "search", arm, text: chosen, right: answer === CHAIN.answer },
  candidates: result.leaves.map((leaf) => ({
    ...{ text: leaf.text, answer: answerOf(leaf.text, ANSWER) ?? "", score: undefined },
    ...{ right: answerOf(leaf.text, ANSWER) === CHAIN.answer, tokens: leaf.tokens, isWhole: true },
    ...{ hasStopped: leaf.ended === "stop", meanLogprob: meanLogprob(leaf) },
  })),
  ...{ isDegraded: false, effectiveSampleSizes: [], tree: [] },
  ...{ tokensGenerated: result.ledger.spent.generated, tokensPrefilled: 7, tokensVerified: 0, wallMs: 10 },
});

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
