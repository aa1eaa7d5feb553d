/**
 * How long a newcomer would wait and then run, from what was served while there was enough to do: what those who run together get
 * a millisecond is their number times what each of them got (Little's law), which needs no clock and knows no pauses. The longest
 * wait that a newcomer may be let in for grows with the time requests run: so an admitted request takes at most about twice as long as
 * on a machine that is just full, whatever the model and the machine. Milliseconds; estimated tokens.
 */

/** A request that ended. */
export interface Served {
  readonly tokens: number;
  readonly ranMs: number;
  /** Requests that ran at its end, itself included. */
  readonly among: number;
  /** Whether the machine had enough to do meanwhile: only then does its end say how fast it goes. */
  readonly busy: boolean;
}

/** Bounds of waits. */
export interface ForecastLimits {
  /** The longest wait predicted for who is let into the line: so many times what requests run, within these two. */
  readonly waitPerRun: number;
  readonly shortestWaitMs: number;
  readonly longestWaitMs: number;
  /** Who says how much time it has: this share of what it leaves, and no more than the second. Predictions are not exact. */
  readonly waitPerTimeLeft: number;
  /** Work of low priority is in no hurry, and waits so long whatever it says. */
  readonly longestPatientWaitMs: number;
}

/** What is known of the speed. */
export interface Forecast {
  served(request: Served): void;
  /** Time until `tokens` are served; 0 until something was learned. */
  msFor(tokens: number): number;
  /** The same for those ahead of a newcomer: until something was learned, what runs now is taken to take the longest it may. */
  waitMsFor(tokensAhead: number, tokensRunning: number): number;
  /** The longest wait to let somebody in for who says nothing of its time. */
  readonly longestWaitMs: number;
}

/** Weight of the newest request. */
const NEWEST = 0.1;

/** Knows nothing yet. */
export function createForecast(limits: ForecastLimits): Forecast {
  let runMs: number | undefined;
  let together = 0;
  return {
    served({ tokens, ranMs, among, busy }) {
      if (!busy || ranMs <= 0 || tokens <= 0) return;
      const weight = runMs === undefined ? 1 : NEWEST;
      runMs = (runMs ?? 0) + weight * (ranMs - (runMs ?? 0));
      together += weight * (tokens * among - together);
    },
    msFor: (tokens) => (runMs === undefined ? 0 : (tokens * runMs) / together),
    waitMsFor(ahead, running) {
      const aRunMs = runMs ?? limits.longestWaitMs / limits.waitPerRun;
      return (ahead * aRunMs) / Math.max(1, runMs === undefined ? running : together);
    },
    get longestWaitMs() {
      if (runMs === undefined) return limits.longestWaitMs;
      return Math.min(limits.longestWaitMs, Math.max(limits.shortestWaitMs, runMs * limits.waitPerRun));
    },
  };
}
