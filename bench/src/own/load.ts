/** From the start of the process to the first healthy answer, with the file in the page cache, and the memory it then holds. */
import { stat } from "node:fs/promises";
import { residentBytes } from "../ours/processes.ts";
import { startForward } from "../ours/forward.ts";
import { median, rowAlone, rowOf, type BenchRow } from "../rows.ts";
import { keyFor, type OwnBench } from "./pairs.ts";

const ROUNDS = 3;
const MEBIBYTE = 2 ** 20;
/** What may come on top of weights and configured keys and values. */
const ALLOWANCE_BYTES = 150e6;

/** Rows `load` (seconds until ready) and `memory` (MiB resident when ready, beside file + KV + 150 MB). */
export async function measureLoad(bench: OwnBench): Promise<BenchRow[]> {
  const seconds: number[] = [];
  const resident: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const fresh = await startForward(bench.modelPath, bench.threads);
    seconds.push(fresh.loadMs / 1000);
    resident.push((await residentBytes(fresh.pid)) / MEBIBYTE);
    await fresh.close();
  }
  const { kvMemory } = bench.forward.model;
  const kvBytes = Number(kvMemory?.pageBytes ?? 0n) * (kvMemory?.pages ?? 0);
  const allowed = ((await stat(bench.modelPath)).size + kvBytes + ALLOWANCE_BYTES) / MEBIBYTE;
  const peer = "allowance: file + KV + 150 MB";
  return [
    rowAlone(keyFor(bench, "load", 0, 1, "none"), "s", seconds),
    rowOf(keyFor(bench, "memory", 0, 1, peer), "MiB", [median(resident)], [allowed]),
  ];
}
