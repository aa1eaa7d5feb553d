/** Searches on a simulated chain as the records that an evaluation keeps of them. */
import type { Arm } from "../../../eval/src/arms.ts";
import type { SearchRecord } from "../../../eval/src/sample.ts";
import { answerOf } from "../../../gateway/src/strategies/answers.ts";
import { meanLogprob } from "../../../gateway/src/strategies/votes.ts";
import { createChain } from "../../gateway/strategies/support/chains.ts";
import type { Ran } from "../../gateway/strategies/support/run.ts";
import {
  createSimulatedWorld,
  type SimulatedModel,
} from "../../gateway/strategies/support/simulated-world.ts";

/** Two steps, each right in three ways. */
export const CHAIN = createChain([0.6, 0.5], 4, 3);
/** The chain's texts at uneven odds, so that the likelihood of an answer says something. */
const MODEL: SimulatedModel = {
  next(text) {
    const pieces = CHAIN.next(text).map((piece, i) => ({ ...piece, p: piece.p * (1 + (i % 3) / 4) }));
    const total = pieces.reduce((sum, { p }) => sum + p, 0);
    return pieces.map((piece) => ({ ...piece, p: piece.p / total }));
  },
};

/** The model with a verifier: the likelihood of a text, or whether it is right. */
export function worldOf(problem: number, verifier: Arm["verifier"]) {
  const likely = (text: string): number => {
    const lines = text.split(/(?<=\n)/);
    const odds = lines.map((line, at) => {
      const pieces = MODEL.next(lines.slice(0, at).join(""));
      return Math.log(pieces.find((piece) => piece.text === line)?.p ?? 1);
    });
    return Math.exp(odds.reduce((sum, one) => sum + one, 0) / lines.length);
  };
  const isRight = (text: string): number => Number(answerOf(text, ANSWER) === CHAIN.answer);
  return createSimulatedWorld(MODEL, verifier === "outcome" ? isRight : likely, BigInt(problem) << 20n);
}

const ANSWER = { form: "number", marker: "" } as const;

/** The record that an evaluation keeps of a search. */
export const recordOf = ({ result, chosen, answer }: Ran, arm: string, problem = "p"): SearchRecord => ({
  ...{ key: arm, problem, kind: "search", arm, text: chosen, right: answer === CHAIN.answer },
  candidates: result.leaves.map((leaf) => ({
    ...{ text: leaf.text, answer: answerOf(leaf.text, ANSWER) ?? "", score: undefined },
    ...{ right: answerOf(leaf.text, ANSWER) === CHAIN.answer, tokens: leaf.tokens, isWhole: true },
    ...{ hasStopped: leaf.ended === "stop", meanLogprob: meanLogprob(leaf) },
  })),
  ...{ isDegraded: false, effectiveSampleSizes: [], tree: [] },
  ...{ tokensGenerated: result.ledger.spent.generated, tokensPrefilled: 7, tokensVerified: 0, wallMs: 10 },
});
