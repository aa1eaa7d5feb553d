/**
 * How long a newcomer would wait and then run, from what was served while there was enough to do. The longest wait it may
 * be let in for grows with the time requests run: so an admitted request takes at most about twice as long as on a machine that
 * is just full, whatever the model and the machine. Milliseconds; estimated tokens.
 */

import type { Band } from "./waiting-line.ts";

/** A request that ended. */
export interface Served {
  readonly tokens: number;
  readonly ranMs: number;
  /** Whether the machine had enough to do meanwhile: only then does its end say how fast it goes. */
  readonly busy: boolean;
}

/** Bounds of waits. */
export interface ForecastLimits {
  /** The longest wait predicted for who is let into the line: so many times what requests run, within these two. */
  readonly waitPerRun: number;
  readonly shortestWaitMs: number;
  readonly longestWaitMs: number;
  /** The same for work of low priority, which is in no hurry. */
  readonly longestPatientWaitMs: number;
}

/** What is known of the speed. */
export interface Forecast {
  served(request: Served): void;
  /** Time until `tokens` are served; 0 until something was learned. */
  msFor(tokens: number): number;
  /** The longest wait to let somebody in for. */
  longestWaitMs(band: Band): number;
}

const WINDOW_MS = 500;
/** Weight of the newest window of the rate, and of the newest request's time. */
const NEW_RATE = 0.3;
const NEW_RUN = 0.1;

/** Knows nothing yet. */
export function createForecast(limits: ForecastLimits, now: () => number): Forecast {
  let tokensPerMs: number | undefined;
  let runMs: number | undefined;
  let window = { at: now(), tokens: 0 };
  const mix = (old: number | undefined, measured: number, weight: number): number =>
    old === undefined ? measured : old + weight * (measured - old);
  return {
    served({ tokens, ranMs, busy }) {
      const time = now();
      if (!busy) {
        window = { at: time, tokens: 0 };
        return;
      }
      runMs = mix(runMs, ranMs, NEW_RUN);
      window.tokens += tokens;
      if (time - window.at < WINDOW_MS) return;
      tokensPerMs = mix(tokensPerMs, window.tokens / (time - window.at), NEW_RATE);
      window = { at: time, tokens: 0 };
    },
    msFor: (tokens) => (tokensPerMs === undefined || tokensPerMs <= 0 ? 0 : tokens / tokensPerMs),
    longestWaitMs(band) {
      if (band === "low") return limits.longestPatientWaitMs;
      if (runMs === undefined) return limits.longestWaitMs;
      return Math.min(limits.longestWaitMs, Math.max(limits.shortestWaitMs, runMs * limits.waitPerRun));
    },
  };
}
