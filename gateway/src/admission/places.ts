/** Who runs: so many requests and estimated tokens at a time. What a request took goes back when it ends, once. */
import type { Ask, Ticket } from "./admission.ts";
import type { Clock } from "./clock.ts";

/** How many may run; one request alone may be larger. */
export interface PlaceLimits {
  readonly running: number;
  readonly runningTokens: number;
}

/** The places there are. */
export interface Places {
  readonly count: number;
  readonly tokens: number;
  /** At least half of the places are taken. */
  readonly halfFull: boolean;
  /** Whether a request of so many tokens may begin. */
  fits(tokens: number): boolean;
  /** Begins a request that arrived at `since`; `ended` is told, once, what it used and how long it ran. */
  start(ask: Ask, since: number, ended: (usedTokens: number, ranMs: number) => void): Ticket;
}

/** All places free. */
export function createPlaces(limits: PlaceLimits, clock: Clock): Places {
  const taken = { count: 0, tokens: 0 };
  return {
    get count() {
      return taken.count;
    },
    get tokens() {
      return taken.tokens;
    },
    get halfFull() {
      return taken.count >= limits.running / 2;
    },
    fits: (tokens) =>
      taken.count === 0 || (taken.count < limits.running && taken.tokens + tokens <= limits.runningTokens),
    start({ tokens }, since, ended) {
      const began = clock.now();
      let hasLeft = false;
      taken.count++;
      taken.tokens += tokens;
      return {
        waitedMs: began - since,
        leave(usedTokens) {
          if (hasLeft) return;
          hasLeft = true;
          taken.count--;
          taken.tokens -= tokens;
          ended(usedTokens, clock.now() - began);
        },
      };
    },
  };
}
