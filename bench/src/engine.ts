/**
 * `bench engine`: our engine beside the engines a program could use instead, in interleaved rounds, at equal threads; each
 * speed beside llama.cpp with our file and with the format it is fastest in.
 */
import { basename } from "node:path";
import { InvalidArgumentError, type Command } from "commander";
import { defaultModelPath } from "#kit/paths.ts";
import { ALL_CELLS, QUICK_CELLS } from "./cells.ts";
import type { Cell, Contender } from "./contender.ts";
import { describeMachine } from "./machine.ts";
import { startForward, type ForwardUnderTest } from "./ours/forward.ts";
import { measureOwn, OWN_METRICS } from "./own/measure.ts";
import { startLlama } from "./peers/llama.ts";
import { makeReport, printRows, readReport, writeReport } from "./report.ts";
import { shareOfBounds } from "./roofline/share.ts";
import { compare, type Where } from "./rounds.ts";
import { mergeRows, type Rows } from "./rows.ts";
import { measureServed } from "./served/measure.ts";

interface EngineBenchOptions {
  readonly quick?: boolean;
  readonly json?: string;
  readonly keep?: boolean;
  readonly models: readonly string[];
  readonly threads?: readonly number[];
  readonly metrics?: readonly string[];
  readonly rounds?: number;
}

const QUICK_ROUNDS = 3;
const ROUNDS = 5;
const NOTHING: Rows = { rows: [], absent: [] };

/** Adds the command. */
export function addEngineBench(program: Command): void {
  program
    .command("engine")
    .description("speed beside llama.cpp and other engines, interleaved in one run")
    .option(
      "--quick",
      `${QUICK_ROUNDS} rounds instead of ${ROUNDS}, one thread, the main metrics: some minutes`,
    )
    .option("--json <file>", "write the rows to a file")
    .option("--keep", "keep rows of that file that are not measured now")
    .option("--models <files>", "model files, with commas between", splitList, [defaultModelPath()])
    .option("--threads <list>", "thread counts (1,2; with --quick 1)", parseCounts)
    .option(
      "--metrics <list>",
      `only these: decode, batch, prefill, served, ${Object.keys(OWN_METRICS).join(", ")}`,
      splitList,
    )
    .option("--rounds <n>", "interleaved rounds", parseCount)
    .action(run);
}

async function run(options: EngineBenchOptions): Promise<void> {
  const machine = await describeMachine();
  const earlier = options.keep && options.json !== undefined ? await readReport(options.json) : undefined;
  let report = makeReport(machine, { rows: [], absent: [] }, earlier);
  for (const model of options.models) {
    for (const threads of options.threads ?? (options.quick ? [1] : [1, 2])) {
      const rows = await measureModel(model, threads, options);
      printRows(rows);
      report = makeReport(machine, rows, report);
      // After each part: a run that is stopped has not been for nothing.
      if (options.json !== undefined) await writeReport(options.json, report);
    }
  }
}

async function measureModel(modelPath: string, threads: number, options: EngineBenchOptions): Promise<Rows> {
  const isWanted = (metric: string): boolean => options.metrics?.includes(metric) ?? true;
  const cells = (options.quick ? QUICK_CELLS : ALL_CELLS).filter(({ metric }) => isWanted(metric));
  const model = basename(modelPath);
  const rounds = options.rounds ?? (options.quick ? QUICK_ROUNDS : ROUNDS);
  const onStep = (text: string): void => void process.stderr.write(`… ${text}\n`);
  const forward = await startForward(modelPath, threads);
  try {
    const beside = await measureBeside(forward, modelPath, cells, { model, threads, rounds, onStep });
    const names = Object.keys(OWN_METRICS).filter(isWanted);
    const own = await measureOwn({ forward, modelPath, model, threads, rounds }, names, onStep);
    const served = isWanted("served")
      ? await measureServed({ forward, modelPath, model, threads, rounds, onStep })
      : NOTHING;
    const shares = { rows: await shareOfBounds(forward, modelPath, beside.rows), absent: [] };
    return [shares, own, served].reduce(mergeRows, beside);
  } finally {
    await forward.close();
  }
}

/** Ours and the peers that have the same speeds, in interleaved rounds. */
async function measureBeside(
  forward: ForwardUnderTest,
  modelPath: string,
  cells: readonly Cell[],
  where: Where,
): Promise<Rows> {
  if (cells.length === 0) return NOTHING;
  const peers: Contender[] = [];
  try {
    for (const file of ["same", "best"] as const)
      peers.push(await startLlama(modelPath, where.threads, file));
    return await compare(forward, peers, cells, where);
  } finally {
    await Promise.all(peers.map((one) => one.close()));
  }
}

const splitList = (text: string): string[] => text.split(",").map((part) => part.trim());

function parseCount(text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("a whole number from 1 on is needed");
}

const parseCounts = (text: string): number[] => splitList(text).map(parseCount);
