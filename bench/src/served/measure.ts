/**
 * Ours beside llama-server over HTTP: 16 chats at once, and 16 answers to one prompt. llama-server runs with our file and with
 * the format it is fastest in, each at the settings that are fastest here.
 */
import type { FileKind } from "../contender.ts";
import { startGateway } from "../ours/gateway.ts";
import type { OwnBench } from "../own/pairs.ts";
import { makeBestFile } from "../peers/llama.ts";
import {
  describeServer,
  SERVER_CHOICES,
  startLlamaServer,
  type LlamaServer,
  type ServerSettings,
} from "../peers/llama-server.ts";
import { reasonOf } from "../rounds.ts";
import { rowOf, type AbsentRow, type BenchRow, type RowKey, type Rows } from "../rows.ts";
import {
  CHATS,
  PREFIX_TOKENS,
  runBranches,
  runChats,
  servedByLlama,
  servedByUs,
  type Served,
} from "./clients.ts";

/** What is measured, with the tokens that each prompt has (0: a short message). */
const KINDS = [
  { metric: "served", context: 0, run: runChats },
  { metric: "served-branches", context: PREFIX_TOKENS, run: runBranches },
] as const;
type Kind = (typeof KINDS)[number];

/** With `quick` the format llama-server is fastest in alone, at the settings it was fastest with before, and no round to warm up. */
interface ServedBench extends OwnBench {
  readonly onStep: (text: string) => void;
}

/** Numbers for requests, so that no prompt is sent twice. */
type Numbers = () => number;

/** Rows `served` and `served-branches` (generated tokens/s); absent ones when llama-server is. */
export async function measureServed(bench: ServedBench): Promise<Rows> {
  const rows: BenchRow[] = [];
  const absent: AbsentRow[] = [];
  let last = 0;
  const numbers: Numbers = () => ++last;
  const gateway = await startGateway(bench.modelPath, bench.threads);
  try {
    const { name, stopIds } = bench.forward.model;
    const ours = servedByUs(gateway.url, name, stopIds);
    for (const file of bench.quick ? (["best"] as const) : (["same", "best"] as const)) {
      try {
        rows.push(...(await compareWith(bench, ours, file, numbers)));
      } catch (error) {
        absent.push({ ...keyFor(bench, KINDS[0], file, "llama-server"), reason: reasonOf(error) });
      }
    }
  } finally {
    await gateway.close();
  }
  return { rows, absent };
}

async function compareWith(
  bench: ServedBench,
  ours: Served,
  file: FileKind,
  numbers: Numbers,
): Promise<BenchRow[]> {
  const path = file === "same" ? bench.modelPath : await makeBestFile(bench.modelPath);
  const rows: BenchRow[] = [];
  let running: { readonly settings: ServerSettings; readonly server: LlamaServer } | undefined;
  try {
    for (const kind of KINDS) {
      bench.onStep(`${kind.metric}, ${file} file, ${bench.threads} threads`);
      const settings = await search(bench, kind, path, numbers);
      if (running?.settings !== settings) {
        await running?.server.close();
        running = { settings, server: await startLlamaServer(path, bench.threads, settings) };
      }
      const { server } = running;
      const [mine, theirs] = await interleave(bench, kind, [ours, servedByLlama(server.url)], numbers);
      const key = keyFor(bench, kind, file, `llama-server ${server.version}`);
      rows.push(rowOf(key, "tokens/s", mine, theirs, describeServer(settings)));
    }
  } finally {
    await running?.server.close();
  }
  return rows;
}

/** The fastest choice; one try each, of many seconds. A quick run takes what full runs have found. */
async function search(
  bench: ServedBench,
  kind: Kind,
  path: string,
  numbers: Numbers,
): Promise<ServerSettings> {
  if (bench.quick) return SERVER_CHOICES[0]!;
  const speeds: number[] = [];
  for (const settings of SERVER_CHOICES) {
    const server: LlamaServer = await startLlamaServer(path, bench.threads, settings);
    try {
      speeds.push(await kind.run(servedByLlama(server.url), numbers()));
    } finally {
      await server.close();
    }
  }
  return SERVER_CHOICES[speeds.indexOf(Math.max(...speeds))]!;
}

async function interleave(
  { rounds, quick }: ServedBench,
  { run }: Kind,
  servers: readonly [Served, Served],
  numbers: Numbers,
): Promise<[number[], number[]]> {
  const values: [number[], number[]] = [[], []];
  for (let round = quick ? 0 : -1; round < rounds; round++) {
    const order = round % 2 === 0 ? [0, 1] : [1, 0];
    for (const index of order) {
      const value = await run(servers[index]!, numbers());
      if (round >= 0) values[index]!.push(value);
    }
  }
  return values;
}

function keyFor({ model, threads }: ServedBench, kind: Kind, file: FileKind, peer: string): RowKey {
  return { model, metric: kind.metric, file, threads, context: kind.context, batch: CHATS, peer };
}
