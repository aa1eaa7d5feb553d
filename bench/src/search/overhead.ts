/**
 * What a search costs besides the engine: processor time of the gateway's process over a search, less that over the same
 * answers asked for as `n`, as a share of the engine's processor time. Not of wall time, which on a busy machine is larger.
 */
import { onlyChild, processorSeconds } from "../ours/processes.ts";
import { type BenchRow, rowAlone } from "../rows.ts";
import { CANDIDATES, keyOf, type SearchBench, TEMPERATURE } from "./bench.ts";
import { bestOfN, plainAnswers, particleFilter } from "./ours.ts";
import { drawSums, type Sum } from "./problems.ts";

const REPEATS = 3;

/** Rows: the gateway's share for plain answers, and what two searches add to it, in percent. Linux only. */
export async function measureOverhead(bench: SearchBench): Promise<BenchRow[]> {
  const { gateway, model, problems } = bench;
  const forward = await onlyChild(gateway.pid);
  const asking = { url: gateway.url, model, candidates: CANDIDATES, temperature: TEMPERATURE, seed: 1 };
  const used = () => Promise.all([processorSeconds(gateway.pid), processorSeconds(forward)]);
  const shareOf = async (ask: (sum: Sum) => Promise<unknown>): Promise<number> => {
    const before = await used();
    for (const sum of drawSums(problems)) await ask(sum);
    const after = await used();
    return (100 * (after[0] - before[0])) / (after[1] - before[1]);
  };
  const kinds = { plain: plainAnswers, "best-of-n": bestOfN, "particle-filtering": particleFilter };
  const shares = new Map<string, number[]>(Object.keys(kinds).map((name) => [name, []]));
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    for (const [name, ask] of Object.entries(kinds)) {
      shares.get(name)?.push(await shareOf((sum) => ask({ ...asking, seed: repeat }, sum)));
    }
  }
  const plain = shares.get("plain") ?? [];
  const row = (metric: string, values: readonly number[]): BenchRow =>
    rowAlone(keyOf(bench, metric, "none"), "% of the engine's processor time", values);
  const added = (name: string): number[] =>
    (shares.get(name) ?? []).map((share, i) => share - (plain[i] ?? 0));
  return [
    row("gateway", plain),
    row("search-overhead best-of-n", added("best-of-n")),
    row("search-overhead particle-filtering", added("particle-filtering")),
  ];
}
