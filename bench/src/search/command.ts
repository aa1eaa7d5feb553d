/** `bench search`: searches beside its_hub and llama-server, what a search costs besides the engine, and what particles hold. */
import { basename } from "node:path";
import type { Command } from "commander";
import { defaultModelPath } from "#kit/paths.ts";
import { describeMachine } from "../machine.ts";
import { startGateway } from "../ours/gateway.ts";
import { reasonOf } from "../rounds.ts";
import type { BenchRow } from "../rows.ts";
import { openSink } from "../sink.ts";
import { keyOf, type SearchBench } from "./bench.ts";
import { besideItsHub } from "./its-hub.ts";
import { besideLlamaServer } from "./llama-server.ts";
import { measureOverhead } from "./overhead.ts";
import { measureParticles } from "./particles.ts";

interface SearchBenchOptions {
  readonly json?: string;
  readonly problems: string;
  readonly only?: string;
}

const PARTS: Readonly<Record<string, (bench: SearchBench) => Promise<BenchRow[]>>> = {
  "its-hub": besideItsHub,
  "llama-server": besideLlamaServer,
  overhead: measureOverhead,
  particles: async (bench) => [await measureParticles(bench)],
};
const THREADS = 1;

/** Adds the command. */
export function addSearchBench(program: Command): void {
  program
    .command("search")
    .description("searches beside its_hub and llama-server; overhead and memory of our own")
    .option("--json <file>", "write the rows to a file; rows of it that are not measured now stay")
    .option("--problems <n>", "problems a side", "12")
    .option("--only <part>", `one of ${Object.keys(PARTS).join(", ")}`)
    .action(run);
}

async function run({ json, problems, only }: SearchBenchOptions): Promise<void> {
  const modelPath = defaultModelPath();
  const sink = await openSink(await describeMachine(), json, "keep");
  const gateway = await startGateway(modelPath, THREADS);
  try {
    const { models } = await gateway.client.listModels({});
    const model = models[0]?.name ?? basename(modelPath);
    const bench = { gateway, model, modelPath, threads: THREADS, problems: Number(problems) };
    for (const [name, measure] of Object.entries(PARTS)) {
      if (only !== undefined && only !== name) continue;
      const rows = await measure(bench).catch((error: unknown) => reasonOf(error));
      if (typeof rows !== "string") await sink.add({ rows, absent: [] });
      else await sink.add({ rows: [], absent: [{ ...keyOf(bench, name, name), reason: rows }] });
    }
  } finally {
    await gateway.close();
  }
}
