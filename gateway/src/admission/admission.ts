/**
 * Admission: a request runs, waits a bounded time in a bounded line, or is refused at once with the time after which to try
 * again. Counted in estimated tokens. A key has its rate and its share of the line; what cannot be served within the longest
 * wait or its own deadline is refused on arrival. Sources: llm-d flow control, TGI's semaphore, VTC (see waiting-line.ts).
 */
import { type Clock, SYSTEM_CLOCK } from "./clock.ts";
import { createForecast, type Forecast, type ForecastLimits } from "./forecast.ts";
import { createKeyShares, type KeyShare } from "./key-shares.ts";
import { createPlaces, type PlaceLimits } from "./places.ts";
import { draining, overloaded, tooMany } from "./refusals.ts";
import { type Waiting, waitIn } from "./waiting.ts";
import { BANDS, type Band, createWaitingLine, type Waiter, type WaitingLine } from "./waiting-line.ts";

/** What is asked for. */
export interface Ask extends Waiter {
  /** Time the client gives it, milliseconds; absent: no deadline. */
  readonly timeoutMs?: number | undefined;
  /** Aborts when the client leaves. */
  readonly signal: AbortSignal;
  /** What the key may have. */
  readonly share: KeyShare;
}

/** A request that runs. */
export interface Ticket {
  readonly waitedMs: number;
  /** It has ended; `usedTokens` corrects the estimate. Idempotent. */
  leave(usedTokens: number): void;
}

/** Limits of admission. */
export interface AdmissionLimits extends ForecastLimits, PlaceLimits {
  /** Requests that wait, in all and of one key. */
  readonly waiting: number;
  readonly waitingPerKey: number;
  /** The longest wait there is when the prediction was wrong. */
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

/** A line this many times longer than who comes now would be let in for was let in by a wrong prediction. */
const FAR_TOO_LONG = 8;

/** Refuses the last of a line that was let in before the speed was known, or that has become slow since. */
function shorten(line: WaitingLine<Waiting>, forecast: Forecast): void {
  for (const band of BANDS) {
    for (let last = line.lastOf(band); last; last = line.lastOf(band)) {
      const tooLongMs = forecast.msFor(line.tokensAhead(band)) - forecast.longestWaitMs(band);
      if (tooLongMs <= (FAR_TOO_LONG - 1) * forecast.longestWaitMs(band)) break;
      last.refuse(overloaded(tooLongMs));
    }
  }
}

/** Creates an admission where nobody waits. */
export function createAdmission(limits: AdmissionLimits, clock: Clock = SYSTEM_CLOCK): Admission {
  const line = createWaitingLine<Waiting>(limits.keys);
  const forecast = createForecast(limits, clock.now);
  const shares = createKeyShares(limits.burstSeconds, clock.now);
  const places = createPlaces(limits, clock);
  let isDraining = false;

  /** Time the ask would run among those who run now. */
  const ownMs = ({ tokens }: Ask): number => forecast.msFor(tokens * Math.max(1, places.count));
  const start = (ask: Ask, since: number): Ticket => {
    const { key, tokens } = ask;
    shares.began(key);
    line.charge(key, tokens);
    return places.start(ask, since, (usedTokens, ranMs) => {
      shares.ended(key);
      line.charge(key, usedTokens - tokens);
      shares.giveBack(key, tokens - usedTokens);
      forecast.served({ tokens, ranMs, busy: line.size > 0 || places.isBusy });
      shorten(line, forecast);
      admitNext();
    });
  };
  const admitNext = (): void => {
    for (let next = line.next(); next && places.fits(next.tokens, next.band !== "low"); next = line.next()) {
      const leftMs = (next.timeoutMs ?? Number.POSITIVE_INFINITY) - (clock.now() - next.since);
      // Work that nobody will wait for is not begun.
      if (leftMs < ownMs(next)) next.refuse(overloaded(ownMs(next)));
      else next.admit();
    }
  };
  /** Throws for what cannot be served in time; may refuse somebody less important instead. */
  const makeRoom = (ask: Ask): void => {
    if (line.sizeOf(ask.key) >= limits.waitingPerKey) throw tooMany("waiting", limits.waitingPerKey);
    const waitMs = forecast.msFor(line.tokensAhead(ask.band));
    const ownLongestMs = (ask.timeoutMs ?? Number.POSITIVE_INFINITY) - ownMs(ask);
    const longestMs = Math.min(forecast.longestWaitMs(ask.band), ownLongestMs);
    if (waitMs > longestMs) throw overloaded(waitMs - Math.max(0, longestMs));
    if (line.size < limits.waiting) return;
    const least = line.lastBelow(ask.band);
    if (!least) throw overloaded(waitMs);
    least.refuse(overloaded(waitMs));
  };

  return {
    async enter(ask) {
      if (isDraining) throw draining();
      shares.take(ask, line.sizeOf(ask.key));
      if (line.size === 0 && places.fits(ask.tokens, false)) return start(ask, clock.now());
      try {
        makeRoom(ask);
        const patienceMs = ask.band === "low" ? limits.longestPatientWaitMs : limits.patienceMs;
        return await waitIn(line, ask, { clock, patienceMs, start });
      } catch (error) {
        shares.giveBack(ask.key, ask.tokens);
        throw error;
      }
    },
    get state() {
      const all = line.all();
      const waiting = Object.fromEntries(
        BANDS.map((band) => [band, all.filter((one) => one.band === band).length]),
      ) as Record<Band, number>;
      return { running: places.count, runningTokens: places.tokens, waiting };
    },
    drain() {
      isDraining = true;
      for (const waiting of line.all()) waiting.refuse(draining());
    },
  };
}
