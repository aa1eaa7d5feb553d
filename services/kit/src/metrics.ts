/** Prometheus metrics of one server: RPC counts and durations by method and code, tokens, and gauges on demand. */
import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { methodName } from "./clients.ts";
import { endings, watchedCall } from "./streams.ts";

/** Metrics of one server. */
export interface Metrics {
  readonly registry: Registry;
  /** Counts and times every call. */
  readonly interceptor: Interceptor;
  /** Adds to `trimtab_tokens_total{kind}`; kinds are `prompt`, `cached`, `generated`, `verified`. */
  countTokens(kind: "prompt" | "cached" | "generated" | "verified", count: number): void;
  /** A gauge read whenever metrics are collected. */
  gauge(name: string, help: string, read: () => number): void;
  /** The text exposition and its content type. */
  expose(): Promise<{ body: string; contentType: string }>;
}

const DURATION_BUCKETS_SECONDS = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60, 600];

/** Creates the registry with `service` as a label on everything. */
export function createMetrics(service: string): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  const registers = [registry];
  const calls = new Counter({
    name: "trimtab_rpc_calls_total",
    help: "Finished RPCs by method and code.",
    labelNames: ["method", "code"],
    registers,
  });
  const duration = new Histogram({
    name: "rpc_server_call_duration_seconds",
    help: "Duration of RPCs, streams to their end.",
    labelNames: ["method"],
    buckets: DURATION_BUCKETS_SECONDS,
    registers,
  });
  const running = new Gauge({ name: "trimtab_rpc_running", help: "RPCs being served.", registers });
  const tokens = new Counter({
    name: "trimtab_tokens_total",
    help: "Tokens by kind.",
    labelNames: ["kind"],
    registers,
  });
  const interceptor: Interceptor = (next) => async (request) => {
    const method = methodName(request.method);
    const started = performance.now();
    running.inc();
    let isOver = false;
    const finish = (error?: unknown) => {
      if (isOver) return;
      isOver = true;
      running.dec();
      duration.observe({ method }, (performance.now() - started) / 1_000);
      calls.inc({ method, code: error === undefined ? "ok" : Code[ConnectError.from(error).code] });
    };
    return watchedCall(next, request, endings(finish, leftEarly));
  };
  return {
    registry,
    interceptor,
    countTokens: (kind, count) => tokens.inc({ kind }, count),
    gauge(name, help, read) {
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(read());
        },
      });
    },
    expose: async () => ({ body: await registry.metrics(), contentType: registry.contentType }),
  };
}

const leftEarly = (): ConnectError => new ConnectError("left early", Code.Canceled);
