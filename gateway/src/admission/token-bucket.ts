/** Tokens a second of one key: a bucket that fills at the key's rate and holds some seconds of it. Monotonic clock, milliseconds. */

/** A bucket. */
export interface TokenBucket {
  /** Takes tokens; else says how long until they are there. What is larger than the bucket needs a full one. */
  take(tokens: number): { readonly taken: true } | { readonly taken: false; readonly waitMs: number };
  /** Gives back what was not used, or takes what was used beyond it. */
  giveBack(tokens: number): void;
}

const MS_PER_SECOND = 1_000;

/** A full bucket of `burstSeconds` of `tokensPerSecond`. */
export function createTokenBucket(
  tokensPerSecond: number,
  burstSeconds: number,
  now: () => number,
): TokenBucket {
  const capacity = tokensPerSecond * burstSeconds;
  let level = capacity;
  let at = now();
  const fill = (): void => {
    const time = now();
    level = Math.min(capacity, level + ((time - at) / MS_PER_SECOND) * tokensPerSecond);
    at = time;
  };
  return {
    take(tokens) {
      fill();
      const needed = Math.min(tokens, capacity);
      if (level < needed) {
        return { taken: false, waitMs: Math.ceil(((needed - level) / tokensPerSecond) * MS_PER_SECOND) };
      }
      level -= tokens;
      return { taken: true };
    },
    giveBack(tokens) {
      fill();
      level = Math.min(capacity, level + tokens);
    },
  };
}
