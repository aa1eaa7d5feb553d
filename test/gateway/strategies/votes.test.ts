/**
 * What votes are for, on simulated problems with known answers. Every one of these would fail if the strategy were best-of-n.
 * Seeds are those of the problems, 1 and up.
 */
import { expect, test } from "bun:test";
import { createChain } from "./support/chains.ts";
import { accuracy } from "./support/run.ts";

const PROBLEMS = 80;
const TIMEOUT_MS = 240_000;

test(
  "weighted votes are right where the majority is wrong, and where one rare answer fools the judge",
  async () => {
    const [often, fair, rare] = [8, 7, 9].map((answer) => `so ${answer}.`) as [string, string, string];
    const shares = [
      { text: often, p: 0.5, value: 0.2 },
      { text: fair, p: 0.4, value: 0.6 },
      { text: rare, p: 0.1, value: 0.95 },
    ];
    const chain = {
      answer: "7",
      next: (text: string) => (text === "" ? shares : []),
      value: (text: string) => shares.find((one) => one.text === text)?.value ?? 0,
    };
    const options = { candidates: 16 };
    const best = await accuracy("best-of-n", chain, PROBLEMS, options);
    const majority = await accuracy("self-consistency", chain, PROBLEMS, {
      ...options,
      parameters: { adaptive: false },
    });
    const weighted = await accuracy("weighted-majority", chain, PROBLEMS, options);
    expect(weighted.accuracy).toBeGreaterThan(Math.max(best.accuracy, majority.accuracy) + 0.3);
  },
  TIMEOUT_MS,
);

test(
  "votes find the majority where the verifier errs, and weights help the vote where it does not",
  async () => {
    const chain = createChain([0.65], 8);
    const errors = { noise: 20 };
    const best = await accuracy("best-of-n", chain, PROBLEMS, { errors });
    const vote = await accuracy("self-consistency", chain, PROBLEMS, { errors });
    expect(vote.accuracy).toBeGreaterThan(best.accuracy + 0.05);
    const hard = createChain([0.3], 2);
    const helped = await accuracy("weighted-majority", hard, PROBLEMS, { errors: { noise: 1 } });
    const majority = await accuracy("self-consistency", hard, PROBLEMS, { parameters: { adaptive: false } });
    expect(helped.accuracy).toBeGreaterThan(majority.accuracy + 0.2);
  },
  TIMEOUT_MS,
);

test(
  "adaptive stopping spends fewer tokens on settled votes and answers alike",
  async () => {
    const easy = createChain([0.9]);
    const options = { candidates: 32 };
    const whole = await accuracy("self-consistency", easy, PROBLEMS, {
      ...options,
      parameters: { adaptive: false },
    });
    const adaptive = await accuracy("self-consistency", easy, PROBLEMS, options);
    expect(adaptive.tokens).toBeLessThan(0.4 * whole.tokens);
    expect(adaptive.accuracy).toBeGreaterThan(whole.accuracy - 0.03);
  },
  TIMEOUT_MS,
);

test(
  "confidence and features choose without any verifier, where the majority is wrong",
  async () => {
    // The right answer is the more confident and shorter one, but rarer than one wrong answer, which a verifier would take.
    const rare = {
      ...{ answer: "7", value: (text: string) => (text.endsWith("8.") ? 0.9 : 0.1) },
      next: (text: string) => {
        if (text === "")
          return [
            { text: "Thus ", p: 0.4 },
            { text: "Wait, maybe I might check ", p: 0.6 },
          ];
        if (text.endsWith(".")) return [];
        if (text.startsWith("Thus")) return [{ text: "7.", p: 1 }];
        const length = text.split(" ").length;
        return length < 12
          ? [
              { text: "perhaps ", p: 0.6 },
              { text: "actually ", p: 0.4 },
            ]
          : [{ text: "8.", p: 1 }];
      },
    };
    const majority = await accuracy("self-consistency", rare, PROBLEMS, { parameters: { adaptive: false } });
    const features = await accuracy("feature-vote", rare, PROBLEMS);
    const confident = await accuracy("confidence-vote", rare, PROBLEMS, {
      parameters: { signal: "tail", window: 4, keep: 0.25 },
    });
    expect(features.accuracy).toBeGreaterThan(majority.accuracy + 0.2);
    expect(confident.accuracy).toBeGreaterThan(majority.accuracy + 0.2);
  },
  TIMEOUT_MS,
);
