/**
 * What pages of 2 MiB are worth: `bun services/forward/bench-pages.ts [model]`. The forward pass of a model file from two arenas,
 * one of large pages and one of small ones, on the calling thread, in turn; processor time. Per kind of step: time from small
 * pages / time from large ones, median of the rounds with the lowest and the highest. Where the system gives no large pages
 * (/sys/kernel/mm/transparent_hugepage/enabled: never), or gives them unasked (always), the answer is about 1 or says less.
 */
import { openGguf } from "#kit/gguf.ts";
import { defaultModelPath } from "#kit/paths.ts";
import { createCompute, createMemory, loadModule, useLargePages } from "#kernels";
import { type BatchRow, createForward, type Forward } from "./src/engine/step.ts";
import { chooseStreams } from "./src/engine/stream-choice.ts";
import { createWorkspace } from "./src/engine/workspace.ts";
import { readConfig } from "./src/model/config.ts";
import { loadWeights } from "./src/model/load.ts";
import { planMemory } from "./src/model/plan.ts";
import { readRopeFactors } from "./src/model/weights.ts";

const ROUNDS = 9;
const CONTEXT = 2304;
const CHUNK = 128;
const file = openGguf(process.argv[2] ?? defaultModelPath());
const config = readConfig(file.header);
const module = await loadModule();

/** Milliseconds of this process on the processor. */
function now(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

async function createSide(hasLargePages: boolean): Promise<Forward> {
  const plan = planMemory(file.header, config, {
    ...{ kvKindOf: () => "int8", kvBytes: null, contextTokens: CONTEXT, rowBudget: CHUNK, logitRows: 32 },
  });
  const memory = createMemory(plan.totalBytes);
  if (!useLargePages(memory, hasLargePages)) throw new Error("the system does not take such a wish");
  loadWeights(file, plan.weights, memory);
  const space = createWorkspace(memory, plan, config, (rotation) =>
    readRopeFactors(file, rotation, plan.contextTokens),
  );
  const { operators } = await createCompute({ memory, module, threads: 1 });
  const forward = chooseStreams(createForward(plan.weights.model, operators, space), operators, now);
  for (let position = 0; forward.isChoosing; position++) forward.run([row(long, position)]);
  for (let first = 0; first < CONTEXT; first += CHUNK) forward.run(rowsFrom(first, CHUNK));
  return forward;
}

/** A sequence whose pages are its own, behind those of the long one. */
const tableAt = (page: number, tokens: number): BatchRow["table"] => ({
  pages: Array.from({ length: Math.ceil(tokens / 32) }, (_, i) => page + i),
  length: tokens,
});
const long = tableAt(0, CONTEXT);
const short = Array.from({ length: 16 }, (_, i) => tableAt(CONTEXT / 32 + i, 32));

function row(table: BatchRow["table"], position: number): BatchRow {
  const id = 300 + ((position * 7919) % 30_000);
  return { id, position, table, heads: null, collector: null, onLogits: () => undefined };
}

const rowsFrom = (first: number, rows: number): BatchRow[] =>
  Array.from({ length: rows }, (_, i) => ({ ...row(long, first + i), onLogits: null }));
const decodeAt = (context: number) => (by: Forward) => {
  for (let i = 0; i < 8; i++) by.run([row(long, context + i)]);
};
const STEPS: readonly (readonly [string, (by: Forward) => void])[] = [
  ["decode at context 0", decodeAt(0)],
  ["decode at context 2048", decodeAt(2048)],
  ["batch of 16", (by) => void by.run(short.map((table) => row(table, 8)))],
  ["prompt of 128", (by) => void by.run(rowsFrom(0, CHUNK))],
];

const [large, small] = [await createSide(true), await createSide(false)];
for (const [name, step] of STEPS) {
  const time = (by: Forward): number => {
    const from = now();
    step(by);
    return now() - from;
  };
  time(large);
  time(small);
  const ratios = Array.from({ length: ROUNDS }, (_, round) => {
    const first = time(round % 2 ? small : large);
    const second = time(round % 2 ? large : small);
    return round % 2 ? first / second : second / first;
  }).toSorted((a, b) => a - b);
  const [low, middle, high] = [0, ROUNDS >> 1, ROUNDS - 1].map((i) => (ratios[i] ?? Number.NaN).toFixed(2));
  console.log(`${name}: ${middle} (${low} to ${high}) times as long from small pages`);
}
file.close();
