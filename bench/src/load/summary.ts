/** One line a stretch of load: goodput, what admitted requests waited, how fast the others were refused. */
import type { Offered } from "./offer.ts";
import type { Probe } from "./prober.ts";

/** A line of the result; times in milliseconds. */
export interface LoadRow {
  /** Offered load as a multiple of the capacity measured; null: the capacity itself. */
  readonly factor: number | null;
  readonly offeredPerSecond: number;
  readonly requestsPerSecond: number;
  readonly tokensPerSecond: number;
  readonly answered: number;
  readonly refused: number;
  readonly failed: number;
  readonly firstToken: Percentiles;
  readonly latency: Percentiles;
  /** Of refused requests of the load, and of the calls of a process that does nothing but be refused. */
  readonly refusal: Percentiles;
  readonly probed: Percentiles;
  /** Means over the slowest of the latter. */
  readonly slowest: Probe;
  /** Refusals that say when to come again. */
  readonly hinted: number;
}

/** Median, 90th and 99th percentile; null without values. */
export interface Percentiles {
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p99: number | null;
}

/** Sums a stretch up. */
export function summarize(factor: number | null, offered: Offered, probed: readonly Probe[]): LoadRow {
  const { seen, ...rates } = offered;
  const answered = seen.filter((one) => one.kind === "answered");
  const refused = seen.filter((one) => one.kind === "refused");
  return {
    factor,
    ...rates,
    answered: answered.length,
    refused: refused.length,
    failed: seen.length - answered.length - refused.length,
    firstToken: percentilesOf(answered.map(({ firstMs }) => firstMs)),
    latency: percentilesOf(answered.map(({ totalMs }) => totalMs)),
    refusal: percentilesOf(refused.map(({ totalMs }) => totalMs)),
    probed: percentilesOf(probed.map(({ totalMs }) => totalMs)),
    slowest: meansOf(
      probed.toSorted((a, b) => b.totalMs - a.totalMs).slice(0, Math.ceil(SLOWEST * probed.length)),
    ),
    hinted: refused.filter(({ hinted }) => hinted).length,
  };
}

const SLOWEST = 0.05;

function meansOf(probes: readonly Probe[]): Probe {
  const mean = (of: keyof Probe): number =>
    probes.reduce((sum, one) => sum + one[of], 0) / Math.max(1, probes.length);
  return {
    totalMs: mean("totalMs"),
    ownWaitMs: mean("ownWaitMs"),
    serverWaitMs: mean("serverWaitMs"),
    serverRunMs: mean("serverRunMs"),
  };
}

function percentilesOf(values: readonly number[]): Percentiles {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? null;
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99) };
}

const HEADER = [
  ...["load", "offered/s", "answered/s", "tokens/s", "answered", "refused", "failed"],
  ...[
    "first p50",
    "first p99",
    "total p50",
    "total p99",
    "refusal p50",
    "refusal p99",
    "probed p50",
    "probed p99",
  ],
];

/** The table. */
export function tableOf(rows: readonly LoadRow[]): string {
  const ms = (value: number | null): string =>
    value === null ? "–" : value < 10 ? value.toFixed(1) : value.toFixed(0);
  const cells = rows.map((row) => [
    row.factor === null ? "closed" : `${row.factor}x`,
    ...[row.offeredPerSecond, row.requestsPerSecond, row.tokensPerSecond].map((value) => value.toFixed(1)),
    ...[row.answered, row.refused, row.failed].map(String),
    ...[row.firstToken.p50, row.firstToken.p99, row.latency.p50, row.latency.p99].map(ms),
    ...[row.refusal.p50, row.refusal.p99, row.probed.p50, row.probed.p99].map(ms),
  ]);
  const lines = [HEADER, ...cells];
  const widths = HEADER.map((_, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0)));
  return lines.map((line) => line.map((cell, i) => cell.padStart(widths[i] ?? 0)).join("  ")).join("\n");
}
