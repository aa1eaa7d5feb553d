/**
 * Admission: a request runs, waits a bounded time in a bounded line, or is refused at once with the time after which to try
 * again. Counted in estimated tokens. A key has its rate and its share of the line; what cannot be served within the longest
 * wait or its own deadline is refused on arrival. Sources: llm-d flow control, TGI's semaphore, VTC (see waiting-line.ts).
 */
import { TrimtabError } from "#kit/errors.ts";
import { createServiceRate } from "./service-rate.ts";
import { createTokenBucket, type TokenBucket } from "./token-bucket.ts";
import { BANDS, type Band, createWaitingLine, type Waiter } from "./waiting-line.ts";

/** What is asked for. */
export interface Ask extends Waiter {
  /** Time the client gives it, milliseconds; absent: no deadline. */
  readonly timeoutMs?: number | undefined;
  /** Aborts when the client leaves. */
  readonly signal: AbortSignal;
  /** What the key may have. */
  readonly share: KeyShare;
}

/** Limits of one key; absent: none but the common ones. */
export interface KeyShare {
  readonly tokensPerSecond?: number | undefined;
  /** Requests running and waiting at a time. */
  readonly concurrent?: number | undefined;
}

/** A request that runs. */
export interface Ticket {
  readonly waitedMs: number;
  /** It has ended; `usedTokens` corrects the estimate. Idempotent. */
  leave(usedTokens: number): void;
}

/** Limits of admission. */
export interface AdmissionLimits {
  /** Requests, and their estimated tokens, that run at a time. One request alone may be larger. */
  readonly running: number;
  readonly runningTokens: number;
  /** Requests that wait, in all and of one key. */
  readonly waiting: number;
  readonly waitingPerKey: number;
  /** Longest wait predicted for who is let into the line, and the longest there is when the prediction was wrong. */
  readonly longestWaitMs: number;
  readonly patienceMs: number;
  /** Seconds of its rate that a key may use at once. */
  readonly burstSeconds: number;
  /** Keys whose counters are kept. */
  readonly keys: number;
}

/** Numbers for metrics. */
export interface AdmissionState {
  readonly running: number;
  readonly runningTokens: number;
  readonly waiting: Readonly<Record<Band, number>>;
}

/** Lets requests in. */
export interface Admission {
  /**
   * Resolves when the request may run. @throws TrimtabError RATE_LIMITED (the key's rate), QUEUE_FULL (its share),
   * SERVICE_UNAVAILABLE (overload), all with a hint when to try again; CANCELLED if the client left.
   */
  enter(ask: Ask): Promise<Ticket>;
  readonly state: AdmissionState;
  /** Refuses all who wait, and newcomers, from now on. */
  drain(): void;
}

interface Waiting extends Ask {
  readonly since: number;
  readonly admit: () => void;
  readonly refuse: (error: TrimtabError) => void;
}

/** Time and timers; tests bring their own. */
export interface Clock {
  now(): number;
  /** Calls back after `ms`; answers with what takes it back. */
  after(ms: number, call: () => void): () => void;
}

const SYSTEM: Clock = {
  now: () => performance.now(),
  after(ms, call) {
    const timer = setTimeout(call, ms);
    return () => clearTimeout(timer);
  },
};
const SHORTEST_HINT_MS = 100;

/** Creates an admission where nobody waits. */
export function createAdmission(limits: AdmissionLimits, clock: Clock = SYSTEM): Admission {
  const line = createWaitingLine<Waiting>(limits.keys);
  const rate = createServiceRate(clock.now);
  const buckets = new Map<string, TokenBucket>();
  const held = new Map<string, number>();
  const running = { count: 0, tokens: 0 };
  let isDraining = false;

  const fits = (tokens: number): boolean =>
    running.count === 0 ||
    (running.count < limits.running && running.tokens + tokens <= limits.runningTokens);
  const bucketOf = ({ key, share }: Ask): TokenBucket | undefined => {
    if (share.tokensPerSecond === undefined) return undefined;
    const known =
      buckets.get(key) ?? createTokenBucket(share.tokensPerSecond, limits.burstSeconds, clock.now);
    buckets.set(key, known);
    return known;
  };
  const start = (ask: Ask, since: number): Ticket => {
    running.count++;
    running.tokens += ask.tokens;
    held.set(ask.key, (held.get(ask.key) ?? 0) + 1);
    line.charge(ask.key, ask.tokens);
    let hasLeft = false;
    return {
      waitedMs: clock.now() - since,
      leave(usedTokens) {
        if (hasLeft) return;
        hasLeft = true;
        running.count--;
        running.tokens -= ask.tokens;
        const left = (held.get(ask.key) ?? 1) - 1;
        if (left > 0) held.set(ask.key, left);
        else held.delete(ask.key);
        line.charge(ask.key, usedTokens - ask.tokens);
        buckets.get(ask.key)?.giveBack(ask.tokens - usedTokens);
        // A machine with half of its places taken is about as fast as one with all of them.
        rate.served(ask.tokens, line.size > 0 || running.count >= limits.running / 2);
        admitNext();
      },
    };
  };
  const admitNext = (): void => {
    for (let next = line.next(); next && fits(next.tokens); next = line.next()) {
      line.remove(next);
      next.admit();
    }
  };

  /** Throws for what is refused on arrival, whatever is free. */
  const checkShare = (ask: Ask): void => {
    if (isDraining) throw draining();
    const mine = (held.get(ask.key) ?? 0) + line.sizeOf(ask.key);
    const { concurrent } = ask.share;
    if (concurrent !== undefined && mine >= concurrent) {
      throw new TrimtabError("QUEUE_FULL", "this key has as many requests under way as it may", {
        limit: concurrent,
      });
    }
    const got = bucketOf(ask)?.take(ask.tokens);
    if (got?.taken !== false) return;
    throw new TrimtabError("RATE_LIMITED", "this key has used its tokens for now", {
      limit: `${ask.share.tokensPerSecond} tokens/s`,
      retryAfterMs: Math.max(SHORTEST_HINT_MS, got.waitMs),
    });
  };
  /** Throws for what cannot be served in time. */
  const checkWait = (ask: Ask): void => {
    if (line.sizeOf(ask.key) >= limits.waitingPerKey) {
      const limit = limits.waitingPerKey;
      throw new TrimtabError("QUEUE_FULL", "too many requests of this key wait already", { limit });
    }
    const waitMs = rate.millisecondsFor(line.tokensAhead(ask.band)) ?? 0;
    const ownMs = rate.millisecondsFor(ask.tokens * Math.max(1, running.count)) ?? 0;
    const longest = Math.min(limits.longestWaitMs, (ask.timeoutMs ?? Number.POSITIVE_INFINITY) - ownMs);
    if (waitMs > longest) throw overloaded(waitMs - Math.max(0, longest));
    if (line.size < limits.waiting) return;
    const least = line.leastBelow(ask.band);
    if (!least) throw overloaded(waitMs);
    least.refuse(overloaded(waitMs));
  };
  const wait = (ask: Ask): Promise<Ticket> =>
    new Promise((resolve, reject) => {
      const since = clock.now();
      const end = (): void => {
        line.remove(waiting);
        stopTimer();
        ask.signal.removeEventListener("abort", onLeave);
      };
      const waiting: Waiting = {
        ...ask,
        since,
        admit() {
          end();
          resolve(start(ask, since));
        },
        refuse(error) {
          end();
          buckets.get(ask.key)?.giveBack(ask.tokens);
          reject(error);
        },
      };
      const onLeave = () => waiting.refuse(new TrimtabError("CANCELLED", "the client left while it waited"));
      const longest = Math.min(limits.patienceMs, ask.timeoutMs ?? Number.POSITIVE_INFINITY);
      const stopTimer = clock.after(longest, () => waiting.refuse(overloaded(limits.longestWaitMs)));
      ask.signal.addEventListener("abort", onLeave, { once: true });
      line.add(waiting);
    });

  return {
    async enter(ask) {
      checkShare(ask);
      if (line.size === 0 && fits(ask.tokens)) return start(ask, clock.now());
      try {
        checkWait(ask);
      } catch (error) {
        buckets.get(ask.key)?.giveBack(ask.tokens);
        throw error;
      }
      return await wait(ask);
    },
    get state() {
      const waiting = Object.fromEntries(
        BANDS.map((band) => [band, line.all().filter((one) => one.band === band).length]),
      ) as Record<Band, number>;
      return { running: running.count, runningTokens: running.tokens, waiting };
    },
    drain() {
      isDraining = true;
      for (const waiting of line.all()) waiting.refuse(draining());
    },
  };
}

const overloaded = (retryAfterMs: number): TrimtabError =>
  new TrimtabError("SERVICE_UNAVAILABLE", "more is asked for than can be served in time", {
    retryAfterMs: Math.max(SHORTEST_HINT_MS, Math.ceil(retryAfterMs)),
  });

const draining = (): TrimtabError => new TrimtabError("SERVICE_UNAVAILABLE", "the gateway is shutting down");
