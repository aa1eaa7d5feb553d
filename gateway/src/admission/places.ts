/**
 * Who runs: so many requests and estimated tokens at a time, and fewer requests while others wait: a batch is then large enough
 * for the machine's speed, and whatever joins it only makes its answers take longer. What a request took goes back, once.
 */
import type { Ask, Ticket } from "./admission.ts";
import type { Clock } from "./clock.ts";

/** How many may run; one request alone may be larger. */
export interface PlaceLimits {
  readonly running: number;
  readonly runningWhileOthersWait: number;
  readonly runningTokens: number;
}

/** The places there are. */
export interface Places {
  readonly count: number;
  readonly tokens: number;
  /** As many run as while others wait: the machine is about as fast as it gets. */
  readonly isBusy: boolean;
  /** Whether a request of so many tokens may begin, as one who waited or one who finds nobody waiting. */
  fits(tokens: number, hasWaited: boolean): boolean;
  /** Begins a request that arrived at `since`; `ended` is told, once, what it used and how long it ran. */
  start(ask: Ask, since: number, ended: (usedTokens: number, ranMs: number) => void): Ticket;
}

/** All places free. */
export function createPlaces(limits: PlaceLimits, clock: Clock): Places {
  const taken = { count: 0, tokens: 0 };
  const fewer = Math.min(limits.running, limits.runningWhileOthersWait);
  return {
    get count() {
      return taken.count;
    },
    get tokens() {
      return taken.tokens;
    },
    get isBusy() {
      return taken.count >= fewer;
    },
    fits(tokens, hasWaited) {
      const most = hasWaited ? fewer : limits.running;
      return taken.count === 0 || (taken.count < most && taken.tokens + tokens <= limits.runningTokens);
    },
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
