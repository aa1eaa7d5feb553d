/** Kullback–Leibler divergence of two next-token distributions told by the log-probabilities of some of their tokens. Pure. */

/** Probability that is rounding. */
const TINY = 1e-7;

/**
 * KL(base ‖ other) in nats from log-probabilities of the same tokens; what is left of each distribution is one bucket, so the number
 * is a lower bound. @throws RangeError if the lists differ in length
 */
export function bucketedDivergence(base: readonly number[], other: readonly number[]): number {
  if (base.length !== other.length) throw new RangeError("log-probabilities of other tokens");
  let [kl, restOfBase, restOfOther] = [0, 1, 1];
  for (const [slot, logprob] of base.entries()) {
    const changed = other[slot] as number;
    const p = Math.exp(logprob);
    kl += p * (logprob - changed);
    restOfBase -= p;
    restOfOther -= Math.exp(changed);
  }
  if (restOfBase > TINY) kl += restOfBase * Math.log(restOfBase / Math.max(TINY, restOfOther));
  return Math.max(0, kl);
}
