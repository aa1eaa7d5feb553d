/** Forks: how long one takes as a client sees it, beside a round trip that does next to nothing; and what they leave behind. */
import { fork, generate, release } from "../ours/commands.ts";
import type { ForwardUnderTest } from "../ours/forward.ts";
import { median, rowAlone, rowOf, type BenchRow } from "../rows.ts";
import { keyFor, type OwnBench } from "./pairs.ts";

const PREFIX_TOKENS = 512;
const FORKS_A_ROUND = 256;
/** The ways of a message are compiled while they run, as kernels are; what is timed is the steady state. */
const WARM_UP_ROUNDS = 8;
const LEAK_CYCLES = 100;
const CHILDREN_A_CYCLE = 100;

/** The latency of a fork (ms), and the pages that 10,000 forks and drops leave in use. */
export async function measureFork(bench: OwnBench): Promise<BenchRow[]> {
  const { forward } = bench;
  const parent = await forward.root(PREFIX_TOKENS);
  const forkMs: number[] = [];
  const releaseMs: number[] = [];
  for (let round = -WARM_UP_ROUNDS; round < bench.rounds; round++) {
    const values = await timeForks(forward, parent);
    if (round < 0) continue;
    forkMs.push(values.forkMs);
    releaseMs.push(values.releaseMs);
  }
  const latencyKey = keyFor(bench, "fork", PREFIX_TOKENS, 1, "Trimtab, release of a sequence");
  const leakKey = keyFor(bench, "fork-leak", PREFIX_TOKENS, CHILDREN_A_CYCLE, "none");
  const cycles = `${LEAK_CYCLES * CHILDREN_A_CYCLE} forks and drops, one in ${CHILDREN_A_CYCLE} writes`;
  return [
    rowOf(latencyKey, "ms", forkMs, releaseMs, "round trip over the socket included in both"),
    rowAlone(leakKey, "pages", [await countLeaks(forward, parent)], cycles),
  ];
}

/** Medians over the forks of a round. */
async function timeForks(
  { session, newId }: ForwardUnderTest,
  parent: bigint,
): Promise<{ forkMs: number; releaseMs: number }> {
  const forks: number[] = [];
  const releases: number[] = [];
  for (let i = 0; i < FORKS_A_ROUND; i++) {
    const child = newId();
    const beganMs = performance.now();
    await session.run([fork(parent, [child])], ({ event }) => event.case === "forked" || undefined);
    const forkedMs = performance.now();
    await session.run([release([child])], ({ event }) => event.case === "done" || undefined);
    forks.push(forkedMs - beganMs);
    releases.push(performance.now() - forkedMs);
  }
  return { forkMs: median(forks), releaseMs: median(releases) };
}

/** Pages in use after the cycles that were not before. Pages that only the prefix cache remembers are free. */
async function countLeaks({ session, memory, newId }: ForwardUnderTest, parent: bigint): Promise<number> {
  const usedPages = async (): Promise<number> => {
    const { pages, freePages } = await memory();
    return pages - freePages;
  };
  const before = await usedPages();
  for (let cycle = 0; cycle < LEAK_CYCLES; cycle++) {
    const children = Array.from({ length: CHILDREN_A_CYCLE }, newId);
    const commands = [fork(parent, children), generate(children[0]!, 1)];
    await session.run(commands, ({ event }) => event.case === "finished" || undefined);
    await session.run([release(children)], ({ event }) => event.case === "done" || undefined);
  }
  return (await usedPages()) - before;
}
