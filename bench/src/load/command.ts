/**
 * `bench load`: the whole of Trimtab under more load than it can carry. Capacity is measured closed-loop; then requests arrive
 * at 1, 2, 3 and 5 times of it, open-loop, whatever becomes of those before. What must hold is printed with what was seen.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import type { Command } from "commander";
import { giveWay } from "#kit/turns.ts";
import { describeMachine } from "../machine.ts";
import { modelOption } from "../model-option.ts";
import { startGateway } from "../ours/gateway.ts";
import { createRandom } from "../random.ts";
import { askOf, type Offered, offerClosed, offerOpen } from "./offer.ts";
import { sendRequest } from "./one-request.ts";
import { drawLoad } from "./plot.ts";
import type { Probe, ProbeOrder } from "./prober.ts";
import { type LoadRow, summarize, tableOf } from "./summary.ts";
import { targetOf } from "./target.ts";

interface LoadOptions {
  readonly quick?: boolean;
  readonly model: string;
  readonly threads: string;
  readonly json?: string;
  readonly plot: string;
}

const FACTORS = [1, 2, 3, 5];
const SECONDS = 60;
const QUICK_SECONDS = 20;
const CLIENTS = 16;
/** Refused calls a second of the prober, beside the load. */
const PROBES_PER_SECOND = 10;
const PROBER = join(import.meta.dir, "prober.ts");
const SEED = 17;
const ROOT = join(import.meta.dir, "..", "..", "..");
/** What must hold at 3x beside 1x. */
const MUSTS = { goodput: 0.9, latency: 2, refusalMs: 5 };

/** Adds the command. */
export function addLoadBench(program: Command): void {
  program
    .command("load")
    .description("goodput and latency under 1, 2, 3 and 5 times the load that can be carried")
    .option("--quick", `${QUICK_SECONDS} s a load instead of ${SECONDS}`)
    .addOption(modelOption())
    .option("--threads <n>", "compute threads, or auto", "auto")
    .option("--json <file>", "write the rows to a file")
    .option("--plot <file>", "the picture", join(ROOT, "build", "load.svg"))
    .action(run);
}

async function run({ quick = false, model, threads, json, plot }: LoadOptions): Promise<void> {
  const seconds = quick ? QUICK_SECONDS : SECONDS;
  const machine = await describeMachine();
  const gateway = await startGateway(model, threads);
  // Clients share the machine with the server, which would not wait for them elsewhere. After it was started, which would inherit it.
  giveWay();
  const rows: LoadRow[] = [];
  try {
    const target = await targetOf(gateway);
    let sent = 0;
    const send = () => sendRequest(target, askOf(sent++));
    await offerClosed(send, CLIENTS, seconds / 4);
    const closed = await offerClosed(send, CLIENTS, seconds);
    const add = (factor: number | null, offered: Offered, probed: readonly Probe[]): void => {
      rows.push(summarize(factor, offered, probed));
      process.stdout.write(
        `${factor === null ? "closed" : `${factor}x`}: ${offered.tokensPerSecond.toFixed(1)} tokens/s\n`,
      );
    };
    add(null, closed, []);
    if (closed.requestsPerSecond === 0)
      throw new Error(`nothing was answered: ${JSON.stringify(closed.seen[0])}`);
    const random = createRandom(SEED);
    for (const factor of FACTORS) {
      const probing = probe({ target, perSecond: PROBES_PER_SECOND, seconds, serverPid: gateway.pid });
      const offered = await offerOpen(send, closed.requestsPerSecond * factor, seconds, random);
      add(factor, offered, await probing);
    }
  } finally {
    await gateway.close();
  }
  process.stdout.write(
    `\n${machine.cpu}, load ${machine.load.toFixed(1)}, ${CLIENTS} clients, seed ${SEED}\n`,
  );
  process.stdout.write(`${tableOf(rows)}\n\n${verdicts(rows)}\n`);
  await mkdir(dirname(plot), { recursive: true });
  await writeFile(plot, drawLoad(rows));
  process.stdout.write(`${relative(process.cwd(), plot)}\n`);
  if (json !== undefined)
    await writeFile(json, `${JSON.stringify({ ...machine, seconds, rows }, undefined, 2)}\n`);
}

/** Calls that were refused, as a process sees them that does nothing else. */
async function probe(order: ProbeOrder): Promise<Probe[]> {
  const child = Bun.spawn([process.execPath, PROBER, JSON.stringify(order)], {
    stdout: "pipe",
    stderr: "inherit",
  });
  return JSON.parse(await new Response(child.stdout).text()) as Probe[];
}

const slowestOf = ({ totalMs, ownWaitMs, serverWaitMs, serverRunMs }: Probe): string =>
  `the slowest twentieth on average: ${totalMs.toFixed(1)} ms, of which the prober waited ${ownWaitMs.toFixed(1)}, ` +
  `the gateway's thread waited ${serverWaitMs.toFixed(1)} and ran ${serverRunMs.toFixed(1)}`;

function verdicts(rows: readonly LoadRow[]): string {
  const at = (factor: number): LoadRow | undefined => rows.find((row) => row.factor === factor);
  const [one, three] = [at(1), at(3)];
  if (!one || !three) return "";
  const say = (what: string, value: number, must: string, isReached: boolean): string =>
    `${what} ${value.toFixed(2)} (must ${must}): ${isReached ? "reached" : "missed"}`;
  const goodput = three.tokensPerSecond / one.tokensPerSecond;
  const slower = (three.latency.p99 ?? 0) / (one.latency.p99 ?? 1);
  const refusal = three.probed.p99 ?? Number.NaN;
  return [
    say("goodput at 3x / at 1x", goodput, `>= ${MUSTS.goodput}`, goodput >= MUSTS.goodput),
    say("p99 latency at 3x / at 1x", slower, `<= ${MUSTS.latency}`, slower <= MUSTS.latency),
    say("p99 of refusals at 3x, ms", refusal, `<= ${MUSTS.refusalMs}`, refusal <= MUSTS.refusalMs),
    `  ${slowestOf(three.slowest)}`,
  ].join("\n");
}
