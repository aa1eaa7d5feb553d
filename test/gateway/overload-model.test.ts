/**
 * Admission as it ships, before an engine that is only a formula, on a clock of its own: whatever the speed, more load than can be
 * carried costs no goodput, and who is let in is served in at most twice the time of a machine that is just full.
 */
import { expect, test } from "bun:test";
import { ADMISSION_LIMITS } from "../../gateway/src/limits.ts";
import { type SimulatedEngine, simulateLoad } from "./support/simulated-load.ts";

const SEED = 17;
const SECONDS = 40;
const FACTORS = [2, 3, 5];
const LEAST_GOODPUT = 0.9;
const MOST_LATENCY = 2;
/** One whose speed a batch doubles, as ours; others whose batches cost little, are slow, or read long prompts. */
const ENGINES: readonly (readonly [string, SimulatedEngine])[] = [
  ["an engine like ours", { stepMs: 5, rowMs: 4.5, promptTokens: 45, answerTokens: 48 }],
  ["a batching engine", { stepMs: 10, rowMs: 1, promptTokens: 45, answerTokens: 48 }],
  ["a slow engine", { stepMs: 40, rowMs: 4, promptTokens: 45, answerTokens: 48 }],
  ["long prompts", { stepMs: 10, rowMs: 0.5, promptTokens: 300, answerTokens: 12 }],
];

const percentile99 = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(0.99 * values.length)] ?? Number.POSITIVE_INFINITY;

test.each(ENGINES)(
  `more load than can be carried: goodput and latency stay (%s, seed ${SEED})`,
  async (_, engine) => {
    const offer = (perSecond: number) =>
      simulateLoad(ADMISSION_LIMITS, engine, { perSecond, seconds: SECONDS, seed: SEED });
    const { latencies } = await offer(1_000 / engine.rowMs);
    const capacity = latencies.length / SECONDS;
    const once = await offer(capacity);
    for (const factor of FACTORS) {
      const load = await offer(capacity * factor);
      expect(load.tokensPerSecond).toBeGreaterThanOrEqual(LEAST_GOODPUT * once.tokensPerSecond);
      expect(percentile99(load.latencies)).toBeLessThanOrEqual(MOST_LATENCY * percentile99(once.latencies));
      expect(load.refused).toBeGreaterThan(0);
    }
  },
);
