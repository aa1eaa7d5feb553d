/**
 * What lies between the engine's process and a client of the gateway, token by token: every service runs in a process of its
 * own, and what forward sends passes this process on its way to the gateway. So both times of a token, when it left forward
 * and when its text arrived here, are read off one clock, in one stream.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client } from "@connectrpc/connect";
import { connectTo, type Connection } from "#kit/clients.ts";
import { supervise, type Supervisor } from "#kit/supervisor.ts";
import { GatewayService } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import type { ForwardUnderTest } from "../ours/forward.ts";
import { processorSeconds } from "../ours/processes.ts";
import { startRelay, type Relay } from "../ours/relay.ts";
import { median, rowAlone, type BenchRow } from "../rows.ts";
import { keyFor, type OwnBench } from "./pairs.ts";

const PROMPT_TOKENS = 32;
const STREAM_TOKENS = 64;
const ROUNDS = 5;
/** The gateway is compiled while it runs, for about a thousand tokens; what is timed is the steady state. Several at once take less time. */
const [WARM_UP_ROUNDS, WARM_UP_STREAMS] = [4, 4];
const MAIN = join(import.meta.dir, "..", "..", "..", "cli", "main.ts");
/** Services in an order in which each finds those it calls. */
const SERVICES = ["tokenizer", "verifier", "steering", "gateway"] as const;
const CALLS = {
  tokenizer: [],
  verifier: ["tokenizer", "forward"],
  steering: ["tokenizer", "forward", "verifier"],
  gateway: ["tokenizer", "forward", "steering", "verifier"],
} as const satisfies Record<(typeof SERVICES)[number], readonly string[]>;

/** Row `transport`: p50 of the milliseconds from forward's socket to the client. */
export async function measureTransport(bench: OwnBench): Promise<BenchRow[]> {
  const directory = mkdtempSync(join(tmpdir(), "trimtab-bench-"));
  const relay = startRelay(join(directory, "forward.sock"), bench.forward.socketPath);
  const services: Supervisor[] = [];
  let connection: Connection | undefined;
  try {
    for (const name of SERVICES) services.push(startService(name, directory, bench.modelPath));
    await Promise.all(services.map((service) => service.ready()));
    connection = connectTo({ socketPath: join(directory, "gateway.sock") });
    return [await measureStream(bench, connection.client(GatewayService), relay, services.at(-1)?.pid ?? 0)];
  } finally {
    connection?.close();
    for (const service of services) await service.close();
    relay.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

function startService(name: (typeof SERVICES)[number], directory: string, modelPath: string): Supervisor {
  const socketOf = (service: string): string => join(directory, `${service}.sock`);
  return supervise({
    command: [
      ...[process.execPath, MAIN, "serve", "--service", name, "--listen", `unix:${socketOf(name)}`],
      ...["--model", modelPath, "--supervised"],
      ...CALLS[name].flatMap((service) => [`--${service}`, `unix:${socketOf(service)}`]),
    ],
    socketPath: socketOf(name),
  });
}

async function measureStream(
  bench: OwnBench,
  client: Client<typeof GatewayService>,
  relay: Relay,
  gatewayPid: number,
): Promise<BenchRow> {
  const p50s: number[] = [];
  const usedMs: number[] = [];
  const stream = (): Promise<number[]> => streamDelays(client, bench.forward, relay);
  for (let round = 0; round < WARM_UP_ROUNDS; round++)
    await Promise.all(Array.from({ length: WARM_UP_STREAMS }, stream));
  for (let round = 0; round < ROUNDS; round++) {
    const before = await processorSeconds(gatewayPid);
    p50s.push(median(await stream()));
    usedMs.push((1000 * ((await processorSeconds(gatewayPid)) - before)) / STREAM_TOKENS);
  }
  const note = `the gateway's process uses ${median(usedMs).toFixed(2)} ms of processor time a token`;
  return rowAlone(keyFor(bench, "transport", PROMPT_TOKENS, 1, "none"), "ms a token", p50s, note);
}

/** Milliseconds from the last message of forward to each piece of text. */
async function streamDelays(
  client: Client<typeof GatewayService>,
  { newPrompt }: ForwardUnderTest,
  relay: Relay,
): Promise<number[]> {
  const spec = {
    ...{
      prompt: { case: "ids" as const, value: { ids: newPrompt(PROMPT_TOKENS) } },
      maxTokens: STREAM_TOKENS,
    },
    sampling: { temperature: 0 },
  };
  const delays: number[] = [];
  for await (const { event } of client.generate({ spec })) {
    if (event.case === "delta") delays.push(performance.now() - relay.lastMs);
  }
  return delays;
}
