/** What each key has of the whole: requests under way, and a bucket of tokens if its rate is limited. No clock of its own. */
import { overRate, tooMany } from "./refusals.ts";
import { createTokenBucket, type TokenBucket } from "./token-bucket.ts";

/** Limits of one key; absent: none but the common ones. */
export interface KeyShare {
  readonly tokensPerSecond?: number | undefined;
  /** Requests running and waiting at a time. */
  readonly concurrent?: number | undefined;
}

/** A request of a key. */
export interface Claim {
  readonly key: string;
  readonly share: KeyShare;
  /** Estimated tokens. */
  readonly tokens: number;
}

/** Counters of all keys. */
export interface KeyShares {
  /**
   * Takes a request's tokens out of its key's bucket. @throws TrimtabError QUEUE_FULL, RATE_LIMITED: then nothing is taken.
   * @param waiting requests of the key that wait.
   */
  take(claim: Claim, waiting: number): void;
  /** Tokens that were not used, or, negative, used beyond what was taken. */
  giveBack(key: string, tokens: number): void;
  /** A request of the key runs, or has ended. */
  began(key: string): void;
  ended(key: string): void;
}

/** Nobody has anything yet. */
export function createKeyShares(burstSeconds: number, now: () => number): KeyShares {
  const buckets = new Map<string, TokenBucket>();
  const running = new Map<string, number>();
  const bucketOf = ({ key, share }: Claim): TokenBucket | undefined => {
    if (share.tokensPerSecond === undefined) return undefined;
    const bucket = buckets.get(key) ?? createTokenBucket(share.tokensPerSecond, burstSeconds, now);
    buckets.set(key, bucket);
    return bucket;
  };
  return {
    take(claim, waiting) {
      const { concurrent, tokensPerSecond = 0 } = claim.share;
      const mine = (running.get(claim.key) ?? 0) + waiting;
      if (concurrent !== undefined && mine >= concurrent) throw tooMany("under way", concurrent);
      const got = bucketOf(claim)?.take(claim.tokens);
      if (got?.taken === false) throw overRate(tokensPerSecond, got.waitMs);
    },
    giveBack: (key, tokens) => buckets.get(key)?.giveBack(tokens),
    began: (key) => void running.set(key, (running.get(key) ?? 0) + 1),
    ended(key) {
      const left = (running.get(key) ?? 1) - 1;
      if (left > 0) running.set(key, left);
      else running.delete(key);
    },
  };
}
