/** All that is measured of one model at one number of threads, part by part; each part goes to the sink when it is done. */
import { basename } from "node:path";
import { ALL_CELLS, QUICK_CELLS } from "./cells.ts";
import type { Cell, Contender } from "./contender.ts";
import { startForward, type ForwardUnderTest } from "./ours/forward.ts";
import { measureOwn, OWN_METRICS } from "./own/measure.ts";
import { makeBestFile, type Isa } from "./peers/llama.ts";
import { limitedPeers, PEERS, type PeerStart } from "./peers/start.ts";
import { shareOfBounds } from "./roofline/share.ts";
import { compare, reasonOf } from "./rounds.ts";
import type { AbsentRow } from "./rows.ts";
import { measureServed } from "./served/measure.ts";
import type { Sink } from "./sink.ts";

/** How to measure. */
export interface Plan {
  readonly quick: boolean;
  /** llama.cpp limited to these vector instructions, and no other peer. */
  readonly isa?: Isa;
  readonly threads: number;
  readonly rounds: number;
  readonly metrics: readonly string[];
}

/** Speeds that every engine has. */
const SPEEDS: readonly string[] = ["decode", "batch", "prefill"];

/** Names that `--metrics` knows. */
export const METRICS: readonly string[] = [...SPEEDS, "served", ...Object.keys(OWN_METRICS)];
/** What a run of a few minutes measures: all that there is a number to reach for, but what takes a minute by itself. */
export const QUICK_METRICS: readonly string[] = METRICS.filter((name) => !OWN_METRICS[name]?.isFullOnly);
/** What is measured beside a limited llama.cpp. */
export const LIMITED_METRICS: readonly string[] = SPEEDS;

const WARM_UP: readonly Cell[] = [
  { metric: "prefill", context: 256, batch: 1, steps: 1 },
  { metric: "decode", context: 0, batch: 1, steps: 96 },
  { metric: "prefill", context: 256, batch: 1, steps: 1 },
];

interface Run extends Plan {
  readonly modelPath: string;
  readonly model: string;
  readonly forward: ForwardUnderTest;
  readonly sink: Sink;
}

/** Says what is being measured, and how many seconds into the run. */
const onStep = (text: string): void =>
  void process.stderr.write(`… ${Math.round(process.uptime())} s: ${text}\n`);

/** Measures what `plan` asks for. @throws Error when our own engine fails. */
export async function measureModel(modelPath: string, sink: Sink, plan: Plan): Promise<void> {
  const forward = await startForward(modelPath, plan.threads);
  const run: Run = { ...plan, modelPath, model: basename(modelPath), forward, sink };
  try {
    await measureSpeeds(run);
    const { model, threads, rounds } = run;
    for (const [name, { row }] of Object.entries(OWN_METRICS)) {
      if (!isWanted(run, name, row)) continue;
      onStep(`${name}, ${threads} threads`);
      await sink.add(
        await measureOwn({ forward, modelPath, model, threads, rounds, quick: plan.quick }, name),
      );
    }
    if (isWanted(run, "served", "served")) {
      await sink.add(
        await measureServed({ forward, modelPath, model, threads, rounds, quick: plan.quick, onStep }),
      );
    }
  } finally {
    await forward.close();
  }
}

const isWanted = ({ metrics, model, threads, sink }: Run, name: string, metric: string): boolean =>
  metrics.includes(name) && !sink.has({ model, threads, metric });

/** Ours and the peers that have the same speeds, in interleaved rounds, and how near they are to the bounds. */
async function measureSpeeds(run: Run): Promise<void> {
  const { quick, metrics, model, threads, rounds, sink, forward, modelPath } = run;
  const cells = (quick ? QUICK_CELLS : ALL_CELLS).filter(
    ({ metric, context, batch }) =>
      metrics.includes(metric) && !sink.has({ model, threads, metric, context, batch }),
  );
  if (cells.length === 0) return;
  await warmKernels(forward);
  const warmUp = quick ? 0 : 1;
  const { peers, absent } = await startPeers(run);
  try {
    await sink.add({ rows: [], absent });
    for (const cell of cells) {
      await sink.add(await compare(forward, peers, cell, { model, threads, rounds, warmUp, onStep }));
    }
  } finally {
    await Promise.all(peers.map((one) => one.close()));
  }
  const rows = await shareOfBounds(forward, modelPath, sink.rows({ model, threads }));
  await sink.add({ rows, absent: [] });
}

/** Our kernels are compiled while they run; peers are not, so what is compared is the steady state. */
async function warmKernels(forward: ForwardUnderTest): Promise<void> {
  for (const cell of WARM_UP) await forward.measure(cell);
}

const isShallowDecode = ({ metric, context }: Cell): boolean => metric === "decode" && context === 0;

async function startPeers(run: Run): Promise<{ peers: Contender[]; absent: AbsentRow[] }> {
  const { model, threads, isa, quick } = run;
  const peers: Contender[] = [];
  const absent: AbsentRow[] = [];
  const { metric, context, batch }: Cell = QUICK_CELLS[0]!;
  const wanted = (isa ? limitedPeers(isa) : PEERS).filter((peer) => !quick || peer.quick !== "nothing");
  for (const [index, result] of (await startAll(run, wanted)).entries()) {
    const { name, file, quick: place, quickSteps = Infinity } = wanted[index]!;
    if (result.status === "fulfilled") {
      const isLimited = quick && place === "shallow decode";
      const can = (cell: Cell): boolean => result.value.can(cell) && (!isLimited || isShallowDecode(cell));
      const steps = (cell: Cell): number => (quick ? Math.min(cell.steps, quickSteps) : cell.steps);
      const measure = (cell: Cell): Promise<number> => result.value.measure({ ...cell, steps: steps(cell) });
      peers.push({ ...result.value, can, measure });
    } else {
      const reason = reasonOf(result.reason);
      absent.push({ model, metric, file, threads, context, batch, peer: name, reason });
    }
  }
  return { peers, absent };
}

/** Starts peers: a short run all at once, after the file that several of them read has been made. */
async function startAll(
  { modelPath, threads, quick }: Run,
  wanted: readonly PeerStart[],
): Promise<PromiseSettledResult<Contender>[]> {
  onStep(wanted.map(({ name, file }) => `${name}, ${file} file`).join("; "));
  const begin = ({ start, file }: PeerStart): Promise<Contender> =>
    start(modelPath, threads, file, quick ? "quick" : "full");
  if (quick) {
    await makeBestFile(modelPath).catch(() => undefined);
    return Promise.allSettled(wanted.map(begin));
  }
  const results: PromiseSettledResult<Contender>[] = [];
  for (const peer of wanted) results.push(...(await Promise.allSettled([begin(peer)])));
  return results;
}
