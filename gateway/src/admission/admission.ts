/**
 * Admission: a request runs, waits a bounded time in a bounded line, or is refused at once with the time after which to try
 * again. Counted in estimated tokens. A key has its rate and its share of the line; what cannot be served within the longest
 * wait or its own deadline is refused on arrival. Sources: llm-d flow control, TGI's semaphore, VTC (see waiting-line.ts).
 */
import { type Clock, SYSTEM_CLOCK } from "./clock.ts";
import { createForecast, type Forecast, type ForecastLimits } from "./forecast.ts";
import { createKeyShares, type KeyShare } from "./key-shares.ts";
import { givenMs, type Patience, patienceOf } from "./patience.ts";
import { createPlaces, type PlaceLimits } from "./places.ts";
import { draining, hasLeft, overloaded, tooMany } from "./refusals.ts";
import { type Waiting, waitIn } from "./waiting.ts";
import { BANDS, type Band, createWaitingLine, type WaitingLine } from "./waiting-line.ts";

/** What is asked for. */
export interface Ask {
  readonly key: string;
  readonly band: Band;
  /** Estimated tokens. */
  readonly tokens: number;
  /** Time until its deadline, milliseconds; absent: none. */
  readonly timeoutMs?: number | undefined;
  /** Time its client says it waits for the answer, milliseconds; absent: it says nothing. */
  readonly waitsMs?: number | undefined;
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
function shorten(line: WaitingLine<Waiting>, forecast: Forecast, running: number): void {
  /** Parts of the line that are short enough. */
  const fine = new Set<string>();
  for (const last of line.all().toReversed()) {
    const part = `${last.band} ${last.hasTime} ${last.key}`;
    if (fine.has(part)) continue;
    const letInMs = last.hasTime || last.band === "low" ? last.letInMs : forecast.longestWaitMs;
    const waitMs = forecast.waitMsFor(line.tokensAhead(last), running);
    if (waitMs > FAR_TOO_LONG * letInMs) last.refuse(overloaded(waitMs - letInMs));
    else fine.add(part);
  }
}

/** Creates an admission where nobody waits. */
export function createAdmission(limits: AdmissionLimits, clock: Clock = SYSTEM_CLOCK): Admission {
  const line = createWaitingLine<Waiting>(limits.keys);
  const forecast = createForecast(limits);
  const shares = createKeyShares(limits.burstSeconds, clock.now);
  const places = createPlaces(limits, clock);
  let isDraining = false;

  /** Time the ask would run among those who run now. */
  const ownMs = ({ tokens }: Ask): number => forecast.msFor(tokens * Math.max(1, places.count));
  const start = (ask: Ask, since: number, hasTime: boolean): Ticket => {
    const { key, tokens } = ask;
    const stand = { ...ask, hasTime };
    shares.began(key);
    line.charge(stand, tokens);
    return places.start(ask, since, (usedTokens, ranMs) => {
      shares.ended(key);
      line.charge(stand, usedTokens - tokens);
      shares.giveBack(key, tokens - usedTokens);
      const busy = line.size > 0 || places.isBusy;
      forecast.served({ tokens, ranMs, among: places.count + 1, busy });
      shorten(line, forecast, places.tokens);
      admitNext();
    });
  };
  const admitNext = (): void => {
    for (let next = line.next(); next && places.fits(next.tokens, next.band !== "low"); next = line.next()) {
      const leftMs = givenMs(next) - (clock.now() - next.since);
      // Work that nobody will wait for is not begun.
      if (leftMs < ownMs(next)) next.refuse(overloaded(ownMs(next)));
      else next.admit();
    }
  };
  /** Throws for what cannot be served in time; may refuse somebody less important instead. */
  const makeRoom = (ask: Ask, { letInMs, hasTime }: Patience): void => {
    if (line.sizeOf(ask.key) >= limits.waitingPerKey) throw tooMany("waiting", limits.waitingPerKey);
    const waitMs = forecast.waitMsFor(line.tokensAhead({ ...ask, hasTime }), places.tokens);
    if (waitMs > letInMs) throw overloaded(waitMs - Math.max(0, letInMs));
    if (line.size < limits.waiting) return;
    const least = line.lastBelow(ask.band);
    if (!least) throw overloaded(waitMs);
    least.refuse(overloaded(waitMs));
  };

  return {
    async enter(ask) {
      if (ask.signal.aborted) throw hasLeft();
      if (isDraining) throw draining();
      shares.take(ask, line.sizeOf(ask.key));
      if (line.size === 0 && places.fits(ask.tokens, false)) return start(ask, clock.now(), false);
      try {
        const patience = patienceOf(ask, ownMs(ask), limits, forecast);
        makeRoom(ask, patience);
        const turn = waitIn(line, ask, { clock, patience, start, left: admitNext });
        // It may be the first of them, where one that is too large for the room there is was until now.
        admitNext();
        return await turn;
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
