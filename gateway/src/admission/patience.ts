/**
 * How long a request may stand in the line. One that says nothing of its time: so long that it takes about twice as long as on a
 * machine that is just full (forecast.ts). One that says how much time it has would rather wait than be refused: up to half of
 * what its own run leaves of it. Milliseconds.
 */
import type { Ask } from "./admission.ts";
import type { Forecast, ForecastLimits } from "./forecast.ts";

/** How long an ask may wait. */
export interface Patience {
  /** The longest wait predicted that it is let in for; negative: it cannot be served in time at all. */
  readonly letInMs: number;
  /** When it is refused whatever was predicted. */
  readonly endMs: number;
  /** Whether it said that it has more time than others are given. */
  readonly hasTime: boolean;
}

/** Time the client gives its request, by its deadline or its own word. */
export function givenMs({ timeoutMs, waitsMs }: Pick<Ask, "timeoutMs" | "waitsMs">): number {
  return Math.min(timeoutMs ?? Number.POSITIVE_INFINITY, waitsMs ?? Number.POSITIVE_INFINITY);
}

/** @param ownMs time the ask would run. */
export function patienceOf(
  ask: Ask,
  ownMs: number,
  limits: ForecastLimits & { readonly patienceMs: number },
  forecast: Forecast,
): Patience {
  const given = givenMs(ask);
  const leftMs = given - ownMs;
  if (ask.band === "low") {
    const letInMs = Math.min(limits.longestPatientWaitMs, leftMs);
    return { letInMs, endMs: Math.min(limits.longestPatientWaitMs, given), hasTime: false };
  }
  const patientMs = Number.isFinite(leftMs)
    ? Math.min(limits.longestPatientWaitMs, leftMs * limits.waitPerTimeLeft)
    : 0;
  if (patientMs > forecast.longestWaitMs) {
    return { letInMs: patientMs, endMs: Math.min(patientMs / limits.waitPerTimeLeft, given), hasTime: true };
  }
  const letInMs = Math.min(forecast.longestWaitMs, leftMs);
  return { letInMs, endMs: Math.min(limits.patienceMs, given), hasTime: false };
}
