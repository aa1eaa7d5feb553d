/**
 * What operators watch of the engines: KV memory, prefix cache, queue, tokens, one series a loaded model. Names differ
 * from vLLM's by their prefix only, the meanings are the same: waiting = not let in yet, usage 1 = every page is held by
 * a sequence, queries and hits of the prefix cache in tokens. One call to forward a scrape.
 */
import { Counter, Gauge } from "prom-client";
import type { EngineLoad, KvMemory, Model } from "#proto/trimtab/forward/v1/forward_service_pb.ts";
import type { Metrics } from "./metrics.ts";

interface Series {
  readonly name: string;
  readonly help: string;
  readonly read: (memory: KvMemory, load: EngineLoad, model: Model) => number | bigint;
}

const GAUGES: readonly Series[] = [
  { name: "num_requests_running", help: "Sequences being computed.", read: (_, l) => l.runningSequences },
  {
    name: "num_requests_waiting",
    help: "Sequences not let in yet, or waiting for KV memory.",
    read: (_, l) => l.waitingSequences,
  },
  {
    name: "kv_cache_usage_perc",
    help: "KV pages held by sequences, 1 = all.",
    read: (m) => (m.pages === 0 ? 0 : (m.pages - m.freePages) / m.pages),
  },
  { name: "kv_pages", help: "KV pages in all.", read: (m) => m.pages },
  { name: "kv_pages_free", help: "KV pages no sequence holds.", read: (m) => m.freePages },
  { name: "kv_pages_cached", help: "Free KV pages that still hold a prefix.", read: (m) => m.cachedPages },
  { name: "kv_pages_shared", help: "KV pages that several sequences share.", read: (m) => m.sharedPages },
  {
    name: "kv_bytes",
    help: "Memory of all KV pages.",
    read: (m) => m.pages * Number(m.pageBytes),
  },
  {
    name: "weight_bytes",
    help: "Memory of the repacked weights.",
    read: (_m, _l, model) => model.weightBytes,
  },
  { name: "sequences", help: "Sequences alive, idle ones included.", read: (m) => m.sequences },
];

const COUNTERS: readonly Series[] = [
  {
    name: "prompt_tokens_total",
    help: "Tokens of texts opened, computed or found in the prefix cache.",
    read: (_, l) => l.promptTokens,
  },
  { name: "generation_tokens_total", help: "Tokens generated.", read: (_, l) => l.generatedTokens },
  {
    name: "prefix_cache_queries_total",
    help: "Prompt tokens looked for in the prefix cache.",
    read: (m) => m.queriedTokens,
  },
  { name: "prefix_cache_hits_total", help: "Prompt tokens found there.", read: (m) => m.hitTokens },
  {
    name: "kv_pages_copied_total",
    help: "KV pages copied at first writes into shared pages.",
    read: (m) => m.copiedPages,
  },
  { name: "kv_pages_evicted_total", help: "Cached KV pages given up.", read: (m) => m.evictedPages },
  {
    name: "kv_pages_read_total",
    help: "KV pages read by attention; pages that sequences share count once a step.",
    read: (m) => m.readPages,
  },
  { name: "engine_steps_total", help: "Batches computed.", read: (_, l) => l.steps },
  { name: "engine_rows_total", help: "Tokens computed in them.", read: (_, l) => l.rows },
];

/** Registers the series; `models` is asked at every scrape, and what it cannot say is left out of that scrape. */
export function registerEngineMetrics({ registry }: Metrics, models: () => Promise<readonly Model[]>): void {
  const ask = oncePerScrape(() => models().catch(() => []));
  const options = ({ name, help }: Series) => ({
    name: `trimtab_${name}`,
    help,
    labelNames: ["model_name"],
    registers: [registry],
  });
  const values = async (series: Series) =>
    (await ask()).flatMap((model) => {
      const { name, kvMemory, load } = model;
      if (!kvMemory || !load) return [];
      return [{ labels: { model_name: name }, value: Number(series.read(kvMemory, load, model)) }];
    });
  for (const series of GAUGES) {
    new Gauge({
      ...options(series),
      async collect() {
        this.reset();
        for (const { labels, value } of await values(series)) this.set(labels, value);
      },
    });
  }
  for (const series of COUNTERS) {
    new Counter({
      ...options(series),
      async collect() {
        this.reset();
        for (const { labels, value } of await values(series)) this.inc(labels, value);
      },
    });
  }
}

/** The answer of one call for all series of a scrape: they are collected at the same time. */
function oncePerScrape<T>(call: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  return () => {
    running ??= call().finally(() => {
      running = undefined;
    });
    return running;
  };
}
