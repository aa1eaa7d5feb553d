/**
 * Problems with exact process values: a chain of steps, each right with a known probability; a wrong step cannot be mended.
 * The verifier knows the exact value and may be biased, noisy or over-confident, as trained verifiers are.
 */
import { createRandom, drawNormal } from "../../../../gateway/src/strategies/random.ts";
import type { SimulatedModel } from "./simulated-world.ts";

/** A problem. */
export interface Chain extends SimulatedModel {
  /** Probability that a finished answer with this beginning is right. */
  value(text: string): number;
  readonly answer: string;
}

/** How a verifier errs, on the logit of the exact value. */
export interface VerifierErrors {
  /** Added. */
  readonly bias?: number;
  /** Standard deviation of what is added. */
  readonly noise?: number;
  /** Factor on everything, in the first `earlySteps` steps. */
  readonly overconfidence?: number;
  readonly earlySteps?: number;
}

const CLIP = 1e-4;

/** A chain whose step i is right with probability `steps[i]`, in `rights` ways; wrong steps are spread over `wrongs` texts. */
export function createChain(steps: readonly number[], wrongs = 4, rights = 1): Chain {
  const lines = (text: string): string[] => text.split("\n").slice(0, -1);
  return {
    answer: "7",
    next(text) {
      const done = lines(text);
      if (text.endsWith(".")) return [];
      if (done.length < steps.length) {
        const p = steps[done.length] ?? 0;
        const wrong = Array.from({ length: wrongs }, (_, i) => ({
          text: `wrong ${i}\n`,
          p: (1 - p) / wrongs,
        }));
        const right = Array.from({ length: rights }, (_, i) => ({ text: `right ${i}\n`, p: p / rights }));
        return [...right, ...wrong];
      }
      const slip = done.find((line) => line.startsWith("wrong"));
      return [{ text: `so ${slip === undefined ? 7 : 100 + Number(slip.slice(6))}.`, p: 1 }];
    },
    value(text) {
      const done = lines(text);
      if (done.some((line) => line.startsWith("wrong"))) return 0;
      return steps.slice(done.length).reduce((product, p) => product * p, 1);
    },
  };
}

/** A verifier of a chain: one score a text, the same whenever it is asked. */
export function createChainVerifier(
  chain: Chain,
  errors: VerifierErrors,
  seed: bigint,
): (text: string) => number {
  const { bias = 0, noise = 0, overconfidence = 1, earlySteps = Infinity } = errors;
  return (text) => {
    const value = Math.min(1 - CLIP, Math.max(CLIP, chain.value(text)));
    const random = createRandom(seed ^ BigInt(Bun.hash(text)));
    const isEarly = text.split("\n").length - 1 <= earlySteps;
    const logit = Math.log(value / (1 - value)) + bias + noise * drawNormal(random);
    return 1 / (1 + Math.exp(-logit * (isEarly ? overconfidence : 1)));
  };
}
