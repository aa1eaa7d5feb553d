/**
 * 16 branches of one prefix: computed once, forked, and continued together; beside 16 requests that share nothing. And the
 * keys and values a step of 16 branches reads, beside those a step of one reads.
 */
import { fork, generate, open, release } from "../ours/commands.ts";
import type { ForwardUnderTest } from "../ours/forward.ts";
import { rowOf, type BenchRow } from "../rows.ts";
import { comparePair, keyFor, type OwnBench } from "./pairs.ts";

const BRANCHES = 16;
const PREFIX_TOKENS = 512;
/** A prefix beside which the few tokens of each branch weigh little. */
const LONG_PREFIX_TOKENS = 2048;
const BRANCH_TOKENS = 32;
/** Drawn, so that branches differ: those that say the same are computed once. */
const DRAWN = { temperature: 1 };
const ROUND_DIVISOR = 2;

/** Generated tokens/s, prefill included, of branches beside requests of their own; pages read a step. */
export async function measureBranches(bench: OwnBench): Promise<BenchRow[]> {
  const { forward } = bench;
  const pair = {
    ...{ metric: "branches", context: PREFIX_TOKENS, batch: BRANCHES, unit: "tokens/s" },
    peer: `Trimtab, ${BRANCHES} requests that share nothing`,
    ours: () => runBranches(forward),
    theirs: () => runApart(forward),
  };
  // A round takes many seconds, and the engine has long been warm.
  const speed = await comparePair(bench, pair, Math.ceil(bench.rounds / ROUND_DIVISOR), 0);
  return [speed, await measurePages(bench)];
}

async function runBranches(forward: ForwardUnderTest): Promise<number> {
  const root = forward.newId();
  const children = Array.from({ length: BRANCHES }, forward.newId);
  const commands = [
    open(root, forward.newPrompt(PREFIX_TOKENS)),
    fork(root, children),
    ...children.map((id) => generate(id, BRANCH_TOKENS, DRAWN)),
  ];
  return timeAll(forward, commands, [root, ...children]);
}

async function runApart(forward: ForwardUnderTest): Promise<number> {
  const ids = Array.from({ length: BRANCHES }, forward.newId);
  const commands = ids.flatMap((id) => [
    open(id, forward.newPrompt(PREFIX_TOKENS)),
    generate(id, BRANCH_TOKENS, DRAWN),
  ]);
  return timeAll(forward, commands, ids);
}

async function timeAll(
  { session }: ForwardUnderTest,
  commands: Parameters<ForwardUnderTest["session"]["run"]>[0],
  ids: readonly bigint[],
): Promise<number> {
  let finished = 0;
  const beganMs = performance.now();
  await session.run(commands, ({ event }) => {
    if (event.case === "finished") finished++;
    return finished === BRANCHES || undefined;
  });
  const elapsedMs = performance.now() - beganMs;
  await session.run([release(ids)], ({ event }) => event.case === "done" || undefined);
  return (1000 * BRANCHES * BRANCH_TOKENS) / elapsedMs;
}

/** Pages are counted by the engine, so one run says it all; the same number of steps both times. */
async function measurePages(bench: OwnBench): Promise<BenchRow> {
  const sixteen = await pagesRead(bench.forward, BRANCHES);
  const one = await pagesRead(bench.forward, 1);
  const bytes = Number(bench.forward.model.kvMemory?.pageBytes ?? 0n) / BRANCH_TOKENS;
  const key = keyFor(bench, "branches-kv", LONG_PREFIX_TOKENS, BRANCHES, "Trimtab, one branch");
  return rowOf(key, "bytes a step", [sixteen * bytes], [one * bytes]);
}

async function pagesRead(forward: ForwardUnderTest, branches: number): Promise<number> {
  const { session, newId, memory } = forward;
  const parent = await forward.root(LONG_PREFIX_TOKENS);
  const children = Array.from({ length: branches }, newId);
  const before = (await memory()).readPages;
  let finished = 0;
  const commands = [fork(parent, children), ...children.map((id) => generate(id, BRANCH_TOKENS, DRAWN))];
  await session.run(commands, ({ event }) => {
    if (event.case === "finished") finished++;
    return finished === branches || undefined;
  });
  const pages = Number((await memory()).readPages - before);
  await session.run([release(children)], ({ event }) => event.case === "done" || undefined);
  return pages;
}
