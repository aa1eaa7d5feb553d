/**
 * `bench engine`: our engine beside llama.cpp's C library (the build of node-llama-cpp, its best kernels for this
 * machine), same file, equal threads, interleaved rounds; and beside our own single decode.
 */
import type { Command } from "commander";
import { defaultModelPath } from "#kit/paths.ts";
import { createOracle, type Oracle } from "../../test/oracle/llama.ts";
import { startEngine, type EngineUnderTest } from "./engine-session.ts";
import { median, printRows, writeRows, type BenchRow } from "./rows.ts";

interface Metric {
  readonly metric: string;
  readonly context: number;
  readonly batch: number;
  ours(engine: EngineUnderTest): Promise<number>;
  theirs(oracle: Oracle, threads: number): Promise<number>;
}

interface EngineBenchOptions {
  readonly quick?: boolean;
  readonly json?: string;
  readonly model: string;
  readonly threads: string;
  readonly rounds: number;
}

const PREFILL_TOKENS = 128;
const DECODE_TOKENS = 48;
const LONG_CONTEXT = 1024;
const BATCH = 16;
const BATCH_TOKENS = 24;
const PEER = "llama.cpp (node-llama-cpp 3.22.1)";
const OWN = "own single decode";

const decodeAt = (context: number): Metric => ({
  metric: "decode",
  context,
  batch: 1,
  ours: (engine) => engine.decode(DECODE_TOKENS, context, 1),
  async theirs(oracle, threads) {
    const run = await oracle.bench({ prefill: 2, decode: DECODE_TOKENS, threads, depth: context });
    return DECODE_TOKENS / run.decodeSeconds;
  },
});

const METRICS: readonly Metric[] = [
  decodeAt(0),
  decodeAt(LONG_CONTEXT),
  {
    metric: "prefill",
    context: 0,
    batch: PREFILL_TOKENS,
    ours: (engine) => engine.prefill(PREFILL_TOKENS),
    async theirs(oracle, threads) {
      const run = await oracle.bench({ prefill: PREFILL_TOKENS, decode: 1, threads });
      return PREFILL_TOKENS / run.prefillSeconds;
    },
  },
  {
    metric: "batch",
    context: 0,
    batch: BATCH,
    ours: (engine) => engine.decode(BATCH_TOKENS, 0, BATCH),
    async theirs(oracle, threads) {
      const run = await oracle.bench({ prefill: 2, decode: BATCH_TOKENS, threads, sequences: BATCH });
      return (BATCH * BATCH_TOKENS) / run.decodeSeconds;
    },
  },
];

/** Adds the command. */
export function addEngineBench(program: Command): void {
  program
    .command("engine")
    .description("decode, prefill and batches beside llama.cpp's C library")
    .option("--quick", "3 rounds instead of 7, one thread only")
    .option("--json <file>", "write the rows to a file")
    .option("--model <file>", "model file", defaultModelPath())
    .option("--threads <list>", "thread counts", "1,2")
    .option("--rounds <n>", "interleaved rounds", Number, 7)
    .action(async (options: EngineBenchOptions) => {
      const threadCounts = options.quick ? [1] : options.threads.split(",").map(Number);
      const rounds = options.quick ? 3 : options.rounds;
      const rows: BenchRow[] = [];
      for (const threads of threadCounts) rows.push(...(await compare(options.model, threads, rounds)));
      printRows(rows);
      if (options.json !== undefined) await writeRows(options.json, rows);
    });
}

async function compare(modelPath: string, threads: number, rounds: number): Promise<BenchRow[]> {
  const engine = await startEngine(modelPath, threads);
  const oracle = await createOracle({ modelPath, threads, contextTokens: 4096 });
  const ours = METRICS.map((): number[] => []);
  const theirs = METRICS.map((): number[] => []);
  try {
    // Round -1 warms both up and is not counted.
    for (let round = -1; round < rounds; round++) {
      for (const [index, metric] of METRICS.entries()) {
        const a = await metric.ours(engine);
        const b = await metric.theirs(oracle, threads);
        if (round < 0) continue;
        ours[index]!.push(a);
        theirs[index]!.push(b);
      }
    }
  } finally {
    await oracle.close();
    await engine.close();
  }
  return rowsOf(modelPath, threads, ours, theirs);
}

function rowsOf(modelPath: string, threads: number, ours: number[][], theirs: number[][]): BenchRow[] {
  const model = modelPath.split("/").at(-1) ?? "";
  const row = (metric: Metric, peer: string, a: readonly number[], b: readonly number[]): BenchRow => {
    const ratio = median(a.map((value, round) => value / b[round]!));
    const { metric: name, context, batch } = metric;
    return { model, metric: name, threads, context, batch, peer, ours: median(a), theirs: median(b), ratio };
  };
  const decode = ours[0]!;
  return METRICS.flatMap((metric, index) => {
    const beside = row(metric, PEER, ours[index]!, theirs[index]!);
    return metric.metric === "decode" ? [beside] : [beside, row(metric, OWN, ours[index]!, decode)];
  });
}
