/**
 * `bench engine`: our engine beside the engines a program could use instead, in interleaved rounds, at equal threads; each
 * speed beside llama.cpp with our file and with the format it is fastest in.
 */
import { basename } from "node:path";
import { InvalidArgumentError, type Command } from "commander";
import { defaultModelPath } from "#kit/paths.ts";
import { ALL_CELLS, QUICK_CELLS } from "./cells.ts";
import type { Contender } from "./contender.ts";
import { describeMachine } from "./machine.ts";
import { startForward } from "./ours/forward.ts";
import { startLlama } from "./peers/llama.ts";
import { makeReport, printRows, readReport, writeReport } from "./report.ts";
import { compare } from "./rounds.ts";
import type { Rows } from "./rows.ts";

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
    .option("--metrics <list>", "only these metrics", splitList)
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

async function measureModel(model: string, threads: number, options: EngineBenchOptions): Promise<Rows> {
  const { metrics } = options;
  const cells = (options.quick ? QUICK_CELLS : ALL_CELLS).filter(
    ({ metric }) => metrics?.includes(metric) ?? true,
  );
  const ours = await startForward(model, threads);
  const peers: Contender[] = [];
  try {
    peers.push(await startLlama(model, threads, "same"), await startLlama(model, threads, "best"));
    return await compare(ours, peers, cells, {
      model: basename(model),
      threads,
      rounds: options.rounds ?? (options.quick ? QUICK_ROUNDS : ROUNDS),
      onStep: (text) => process.stderr.write(`… ${text}\n`),
    });
  } finally {
    await Promise.all([ours, ...peers].map((one) => one.close()));
  }
}

const splitList = (text: string): string[] => text.split(",").map((part) => part.trim());

function parseCount(text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("a whole number from 1 on is needed");
}

const parseCounts = (text: string): number[] => splitList(text).map(parseCount);
