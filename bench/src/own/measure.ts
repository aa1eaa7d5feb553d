/** Our own metrics: what features cost beside doing without them, each one function that makes rows. */
import { reasonOf } from "../rounds.ts";
import type { BenchRow, Rows } from "../rows.ts";
import { measureBranches } from "./branches.ts";
import { measureCapture } from "./capture.ts";
import { measureFork } from "./fork.ts";
import { measureFirstToken } from "./first-token.ts";
import { measureLoad } from "./load.ts";
import { measureOrder } from "./order.ts";
import { keyFor, type OwnBench } from "./pairs.ts";
import { measureProfile } from "./profile.ts";
import { measureScore, measureSpeculation } from "./reuse.ts";
import { measureSteering } from "./steering.ts";
import { measureTransport } from "./transport.ts";

/** A metric of ours. */
interface OwnMetric {
  /** Metric of a row that tells whether it has been measured. */
  readonly row: string;
  /** Left to full runs: it takes a minute, or there is no number that it must reach. */
  readonly isFullOnly?: true;
  measure(bench: OwnBench): Promise<BenchRow[]>;
}

/** By the name `--metrics` knows them under. */
export const OWN_METRICS: Readonly<Record<string, OwnMetric>> = {
  steering: { row: "steering", measure: measureSteering },
  capture: { row: "capture-last", measure: measureCapture },
  fork: { row: "fork", measure: measureFork },
  branches: { row: "branches", isFullOnly: true, measure: measureBranches },
  ttft: { row: "ttft", measure: measureFirstToken },
  transport: { row: "transport", measure: measureTransport },
  order: { row: "order", measure: measureOrder },
  profile: { row: "profile-decode", isFullOnly: true, measure: measureProfile },
  score: { row: "score", isFullOnly: true, measure: measureScore },
  speculation: { row: "speculation", isFullOnly: true, measure: measureSpeculation },
  load: { row: "load", measure: measureLoad },
};

/** Measures the one with this name; if it fails its row is absent. */
export async function measureOwn(bench: OwnBench, name: string): Promise<Rows> {
  try {
    return { rows: await OWN_METRICS[name]!.measure(bench), absent: [] };
  } catch (error) {
    return { rows: [], absent: [{ ...keyFor(bench, name, 0, 1, "none"), reason: reasonOf(error) }] };
  }
}
