/** `trimtab top`: what a running server does, second by second: sequences, tokens, cache, memory. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import { integerIn, numberIn } from "#kit/option-values.ts";
import { connectGateway } from "../compose.ts";
import type { GatewayClient } from "../demo/answer.ts";
import { DEFAULT_GRPC_PORT } from "../ports.ts";
import { type Load, loadsOf, type Reading } from "../top/sample.ts";
import { listenToKeys } from "../view/keys.ts";
import { loadLine, loadLines } from "../view/load-table.ts";
import { openScreen } from "../view/screen.ts";
import { colour, cutStyled, isInteractive } from "../view/style.ts";

interface TopOptions {
  readonly address: string;
  readonly interval: number;
  readonly count?: number;
  readonly json?: boolean;
}

/** Samples drawn as a history. */
const HISTORY = 30;
const MS_PER_SECOND = 1_000;

/** Adds the command. */
export function addTopCommand(program: Command): void {
  program
    .command("top")
    .description("what a running server does: sequences, tokens, cache, memory; q ends")
    .option("--address <host:port>", "gRPC address of the server", `127.0.0.1:${DEFAULT_GRPC_PORT}`)
    .option("--interval <seconds>", "between two samples", numberIn(0.1, 3_600), 1)
    .option("--count <n>", "end after so many samples", integerIn(1, 1_000_000))
    .option("--json", "print one JSON object a sample")
    .action(async (options: TopOptions) => {
      const client = connectGateway(options.address);
      if (options.json !== true && isInteractive()) await onScreen(client, options);
      else await asLines(client, options);
    });
}

async function asLines(client: GatewayClient, options: TopOptions): Promise<void> {
  const never = new AbortController().signal;
  for await (const loads of samples(client, options, never)) {
    const text = options.json
      ? JSON.stringify({ at: new Date().toISOString(), models: loads })
      : loads.map(loadLine).join("\n");
    process.stdout.write(`${text}\n`);
  }
}

async function onScreen(client: GatewayClient, options: TopOptions): Promise<void> {
  const stop = new AbortController();
  const screen = openScreen();
  const endKeys = listenToKeys((key) => {
    if (key === "q" || key === "escape" || key === "interrupt") stop.abort();
  });
  const histories = new Map<string, number[]>();
  let latest: readonly Load[] = [];
  const draw = (): void => {
    const columns = process.stdout.columns ?? 80;
    const title = `${colour.bold("trimtab top")}  ${options.address}  every ${options.interval} s  q ends`;
    screen.draw([cutStyled(title, columns), "", ...loadLines(latest, histories, columns)]);
  };
  process.stdout.on("resize", draw);
  try {
    for await (latest of samples(client, options, stop.signal)) {
      for (const { model, generatedTokensPerSecond } of latest) {
        const before = histories.get(model) ?? [];
        histories.set(model, [...before, generatedTokensPerSecond].slice(-HISTORY));
      }
      draw();
    }
  } finally {
    process.stdout.off("resize", draw);
    endKeys();
    screen.close();
  }
}

/** Loads, one sample an interval; the first has counts and no rates. */
async function* samples(
  client: GatewayClient,
  { interval, count = Infinity }: TopOptions,
  signal: AbortSignal,
): AsyncGenerator<Load[], void> {
  let before: Reading | undefined;
  for (let index = 0; index < count && !signal.aborted; index++) {
    // Ended early by a key: that is no error.
    if (index > 0) await sleep(interval * MS_PER_SECOND, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    const now = { atMs: performance.now(), models: (await client.listModels({})).models };
    yield loadsOf(now, before);
    before = now;
  }
}
