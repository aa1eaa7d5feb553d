/**
 * How confident the model was in a whole answer, from the confidence of its tokens. Sources: self-certainty (2502.18581),
 * DeepConf (2508.15260). All in nats, more is more confident. Cost: linear in the tokens.
 */
import type { Candidate, Confidence } from "./strategy.ts";

/** "certainty": mean self-certainty; the others are DeepConf's. */
export type Signal = "certainty" | "mean" | "lowest" | "bottom" | "tail";

const BOTTOM_SHARE = 0.1;

/** The signal of a candidate; 0 for one without tokens. */
export function signalOf({ confidences }: Candidate, signal: Signal, window: number): number {
  const tops = confidences.map(({ top }) => top);
  switch (signal) {
    case "certainty":
      return mean(confidences.map(({ certainty }) => certainty));
    case "mean":
      return mean(tops);
    case "tail":
      return mean(tops.slice(-window));
    case "lowest":
      return lowestWindow(confidences, window);
    case "bottom": {
      const sorted = windowMeans(tops, window).toSorted((a, b) => a - b);
      return mean(sorted.slice(0, Math.max(1, Math.floor(BOTTOM_SHARE * sorted.length))));
    }
  }
}

/** Mean confidence of the least confident window; of everything if it is shorter. */
export function lowestWindow(confidences: readonly Confidence[], window: number): number {
  return Math.min(
    ...windowMeans(
      confidences.map(({ top }) => top),
      window,
    ),
  );
}

function windowMeans(values: readonly number[], window: number): number[] {
  if (values.length <= window) return [mean(values)];
  let sum = values.slice(0, window).reduce((a, b) => a + b, 0);
  const means = [sum / window];
  for (let end = window; end < values.length; end++) {
    sum += (values[end] ?? 0) - (values[end - window] ?? 0);
    means.push(sum / window);
  }
  return means;
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
