/** Kullback–Leibler divergence of two next-token distributions told by the log-probabilities of some of their tokens. Pure. */

/** Likeliest tokens of a position that are looked at, and tokens whose log-probabilities forward tells of a row at most. */
export const LOOKED_AT = { top: 20, ids: 1024 } as const;

/** Tokens that are most often among the likeliest of a position, at most {@link LOOKED_AT.ids}; of equal ones the lower id. */
export function oftenLikely(rows: Iterable<{ readonly top: readonly { readonly id: number }[] }>): number[] {
  const counts = new Map<number, number>();
  for (const { top } of rows) for (const { id } of top) counts.set(id, (counts.get(id) ?? 0) + 1);
  const byCount = [...counts].sort(([a, m], [b, n]) => n - m || a - b);
  return byCount.slice(0, LOOKED_AT.ids).map(([id]) => id);
}

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
