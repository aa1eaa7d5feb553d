/** `bench gateway`: what the gateway costs when no model works, and how it starts, rests, recovers and ends. Linux. */
import type { Command } from "commander";
import { targetOf } from "../load/target.ts";
import { describeMachine } from "../machine.ts";
import { modelOption } from "../model-option.ts";
import { type GatewayUnderTest, startGateway } from "../ours/gateway.ts";
import { median } from "../rows.ts";
import { droppedByDrain, idlePercent, timeAfterWedge, timeStart } from "./life.ts";
import { CALLS, timeUnary, type UnaryRow } from "./unary.ts";

interface GatewayOptions {
  readonly model: string;
  readonly threads: string;
  readonly json?: string;
}

const IN_FLIGHT = 64;
const CALLS_AT_ONCE = 20_000;
const CALLS_ALONE = 2_000;
const STARTS = 3;
const IDLE_SECONDS = 10;
/** Until what a start leaves behind (collections, compilations) is done. */
const SETTLE_SECONDS = 10;
/** Seconds of silence after which a compute thread counts as wedged: short, to be measured at all. */
const STALL_SECONDS = "5";
/** What must hold. */
const MUSTS = {
  perSecond: 3_000,
  aloneMs: 0.5,
  idlePercent: 1,
  startSeconds: 3,
  recoverMs: 3_000,
  dropped: 0,
};

/** Adds the command. */
export function addGatewayBench(program: Command): void {
  program
    .command("gateway")
    .description("the gateway without model work, its start, rest, recovery and end")
    .addOption(modelOption())
    .option("--threads <n>", "compute threads, or auto", "auto")
    .option("--json <file>", "write the numbers to a file")
    .action(run);
}

async function run({ model, threads, json }: GatewayOptions): Promise<void> {
  const machine = await describeMachine();
  const starts: number[] = [];
  for (let i = 0; i < STARTS; i++) starts.push(await timeStart(model, threads));
  const gateway = await startGateway(model, threads, ["--stall-seconds", STALL_SECONDS]);
  let rows: UnaryRow[] | string;
  let idle: number;
  let recovered: number | string;
  let dropped: number;
  try {
    await Bun.sleep(SETTLE_SECONDS * 1_000);
    idle = await idlePercent(gateway, IDLE_SECONDS);
    rows =
      Bun.which("h2load") === null ? "h2load (nghttp2-client) is not installed" : await timeCalls(gateway);
    const target = await targetOf(gateway);
    recovered = await timeAfterWedge(gateway, target);
    dropped = await droppedByDrain(gateway, target);
  } finally {
    await gateway.close();
  }
  const lines = [
    ...(typeof rows === "string" ? [`unary calls: skipped, ${rows}`] : rows.map(lineOf)),
    say("start to READY, median s", median(starts), MUSTS.startSeconds, "<="),
    say("processor time at rest, %", idle, MUSTS.idlePercent, "<="),
    typeof recovered === "string"
      ? `serves again after a wedge: skipped, ${recovered}`
      : say("serves again after a wedged process, ms", recovered, MUSTS.recoverMs, "<="),
    say("streams dropped by a drain", dropped, MUSTS.dropped, "<="),
  ];
  process.stdout.write(
    `${machine.cpu}, ${machine.cores} cores, load ${machine.load.toFixed(1)}\n${lines.join("\n")}\n`,
  );
  if (json === undefined) return;
  const result = { ...machine, rows, starts, idle, recovered, dropped };
  await Bun.write(json, `${JSON.stringify(result, undefined, 2)}\n`);
}

async function timeCalls(gateway: GatewayUnderTest): Promise<UnaryRow[]> {
  await Promise.all([
    gateway.client.listStrategies({}),
    gateway.client.tokenize({ input: { case: "text", value: "hello" } }),
    gateway.client.listModels({}),
  ]);
  const rows: UnaryRow[] = [];
  for (const call of CALLS) {
    // The first calls compile what serves them.
    await timeUnary(gateway.address, call, { inFlight: IN_FLIGHT, calls: CALLS_ALONE });
    rows.push(await timeUnary(gateway.address, call, { inFlight: IN_FLIGHT, calls: CALLS_AT_ONCE }));
    rows.push(await timeUnary(gateway.address, call, { inFlight: 1, calls: CALLS_ALONE }));
  }
  return rows;
}

function lineOf({ name, inFlight, perSecond, p50, p99, failed }: UnaryRow): string {
  const rate = `${perSecond.toFixed(0)}/s, p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms, ${failed} failed`;
  const text = `${name}, ${inFlight} in flight: ${rate}`;
  // The others also wait for threads and processes that are not the gateway's.
  if (name !== CALLS[0]?.name) return text;
  if (inFlight === 1) return `${text} (must <= ${MUSTS.aloneMs}): ${verdict(p50, MUSTS.aloneMs, "<=")}`;
  return `${text} (must >= ${MUSTS.perSecond}): ${verdict(perSecond, MUSTS.perSecond, ">=")}`;
}

function say(what: string, value: number, must: number, sign: "<=" | ">="): string {
  return `${what} ${value.toFixed(2)} (must ${sign} ${must}): ${verdict(value, must, sign)}`;
}

const verdict = (value: number, must: number, sign: "<=" | ">="): string =>
  (sign === "<=" ? value <= must : value >= must) ? "reached" : "missed";
