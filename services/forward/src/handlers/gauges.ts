/** What operators watch: KV memory, sequences, queue depth, steps. Refreshed every few seconds, read at once. */
import type { Metrics } from "#kit/metrics.ts";
import { createMetrics } from "#kit/metrics.ts";
import type { EngineStats } from "../engine/protocol.ts";
import type { Registry } from "../registry.ts";

const REFRESH_MS = 2_000;

const GAUGES: readonly (readonly [name: string, help: string, read: (stats: EngineStats) => number])[] = [
  ["trimtab_kv_pages", "KV pages in all.", (stats) => stats.pages],
  ["trimtab_kv_pages_free", "KV pages free.", (stats) => stats.freePages],
  ["trimtab_kv_pages_shared", "KV pages that several sequences share.", (stats) => stats.sharedPages],
  [
    "trimtab_kv_pages_copied",
    "KV pages copied at first writes into shared pages since start.",
    (stats) => stats.copiedPages,
  ],
  ["trimtab_kv_pages_cached", "Free KV pages that still hold a prefix.", (stats) => stats.cachedPages],
  [
    "trimtab_kv_pages_evicted",
    "Cached KV pages given up for others since start.",
    (stats) => stats.evictedPages,
  ],
  [
    "trimtab_kv_pages_read",
    "KV pages read by attention since start; pages that sequences share count once a step.",
    (stats) => stats.readPages,
  ],
  [
    "trimtab_prefix_cache_queries",
    "Prompt tokens looked for in the prefix cache since start.",
    (stats) => stats.queriedTokens,
  ],
  [
    "trimtab_prefix_cache_hits",
    "Prompt tokens found in the prefix cache since start.",
    (stats) => stats.hitTokens,
  ],
  ["trimtab_sequences", "Sequences alive.", (stats) => stats.sequences],
  ["trimtab_sequences_waiting", "Sequences with tokens to compute.", (stats) => stats.waiting],
  ["trimtab_engine_steps", "Batches computed since start.", (stats) => stats.steps],
  ["trimtab_engine_rows", "Tokens computed since start.", (stats) => stats.rows],
];

/** Metrics of the service, summed over its engines; `stop` ends the refreshing. */
export function createGauges(registry: Registry): { readonly metrics: Metrics; stop(): void } {
  const metrics = createMetrics("forward");
  let latest: readonly EngineStats[] = [];
  const refresh = async (): Promise<void> => {
    const calls = registry.loaded().map(({ engine }) => engine.call({ type: "stats" }));
    const settled = await Promise.allSettled(calls);
    latest = settled.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  };
  const timer = setInterval(() => void refresh(), REFRESH_MS);
  timer.unref();
  for (const [name, help, read] of GAUGES) {
    metrics.gauge(name, help, () => latest.reduce((sum, stats) => sum + read(stats), 0));
  }
  return { metrics, stop: () => clearInterval(timer) };
}
