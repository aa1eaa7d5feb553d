/** Our own metrics: what features cost beside doing without them, each one function that makes rows. */
import { reasonOf } from "../rounds.ts";
import type { AbsentRow, BenchRow, Rows } from "../rows.ts";
import { measureBranches } from "./branches.ts";
import { measureCapture } from "./capture.ts";
import { measureFork } from "./fork.ts";
import { measureGateway } from "./gateway.ts";
import { measureLoad } from "./load.ts";
import { keyFor, type OwnBench } from "./pairs.ts";
import { measureScore, measureSpeculation } from "./reuse.ts";
import { measureSteering } from "./steering.ts";

/** By the name `--metrics` knows them under. */
export const OWN_METRICS: Readonly<Record<string, (bench: OwnBench) => Promise<BenchRow[]>>> = {
  steering: measureSteering,
  capture: measureCapture,
  fork: measureFork,
  branches: measureBranches,
  gateway: measureGateway,
  score: measureScore,
  speculation: measureSpeculation,
  load: measureLoad,
};

/** Measures those with these names; one that fails becomes an absent row. */
export async function measureOwn(
  bench: OwnBench,
  names: readonly string[],
  onStep: (text: string) => void,
): Promise<Rows> {
  const rows: BenchRow[] = [];
  const absent: AbsentRow[] = [];
  for (const name of names) {
    onStep(`${name}, ${bench.threads} threads`);
    try {
      rows.push(...(await OWN_METRICS[name]!(bench)));
    } catch (error) {
      absent.push({ ...keyFor(bench, name, 0, 1, "none"), reason: reasonOf(error) });
    }
  }
  return { rows, absent };
}
