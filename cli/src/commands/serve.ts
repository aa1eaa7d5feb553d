/** `trimtab serve`: all services, or one alone by `--service`. */
import { Option, type Command } from "commander";
import { addressOf } from "#kit/clients.ts";
import { TrimtabError } from "#kit/errors.ts";
import { EXIT } from "#kit/failure.ts";
import { locateModel } from "#kit/model-sources.ts";
import { closeOnSignals } from "#kit/server.ts";
import { exitWithParent } from "#kit/supervisor.ts";
import { startTracing } from "#kit/tracing.ts";
import { askForShortTurns } from "#kit/turns.ts";
import { integerIn } from "#kit/option-values.ts";
import { type Stack, startService, startStack } from "../compose.ts";
import { answerAndBuild } from "../demo/run.ts";
import { addEngineOptions, type EngineFlags } from "../engine-options.ts";
import { addModelsOptions, type ModelOptions, refuseTyped } from "../options.ts";
import { buildRecipe } from "../recipe/build.ts";
import { DEFAULT_GRPC_PORT, DEFAULT_HTTP_PORT } from "../ports.ts";
import { ROOM_NAMES, type RoomName } from "../rooms.ts";

interface ServeOptions extends Omit<ModelOptions, "model">, EngineFlags {
  readonly model: readonly string[];
  readonly service?: RoomName;
  readonly listen?: string;
  readonly host: string;
  readonly grpcPort: number;
  readonly httpPort: number;
  readonly recipe?: string;
  readonly json?: boolean;
  readonly sharedPrefixes?: boolean;
  readonly supervised?: boolean;
  readonly loadedFile?: string;
  readonly tokenizer?: string;
  readonly forward?: string;
  readonly verifier?: string;
  readonly steering?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsCa?: string;
}

/** Options of TLS between services at addresses. */
const TLS_PARTS = [
  ["cert", "certificate it shows to other services"],
  ["key", "private key of that certificate"],
  ["ca", "authority whose certificates it believes"],
] as const;

/** Adds the command. */
export function addServeCommand(program: Command): void {
  const command = program
    .command("serve")
    .description("serve all services, or one alone")
    .addOption(new Option("--service <name>", "one service alone").choices(ROOM_NAMES))
    .option("--listen <address>", "gRPC address of that service: host:port or unix:/path")
    .option("--host <host>", "host to bind", "127.0.0.1")
    .option("--grpc-port <port>", "gRPC port", integerIn(0, 65535), DEFAULT_GRPC_PORT)
    .option(
      "--http-port <port>",
      "HTTP port; with --service, /metrics of that service",
      integerIn(0, 65535),
      DEFAULT_HTTP_PORT,
    )
    .option("--recipe <name>", "build this recipe first, unless it is stored")
    .option("--json", "say where it listens as one line of JSON")
    .option("--shared-prefixes", "let callers of different API keys find each other's cached prefixes")
    .option(
      "--loaded-file <file>",
      "with --service tokenizer or forward: keep in this file which models are loaded, for the next start",
    )
    .addOption(new Option("--supervised", "end with the parent process").hideHelp());
  for (const name of ["tokenizer", "forward", "verifier", "steering"]) {
    command.option(`--${name} <address>`, `address of the ${name} service, for --service`);
  }
  for (const [part, what] of TLS_PARTS) {
    const variable = `TRIMTAB_TLS_${part.toUpperCase()}`;
    command.addOption(new Option(`--tls-${part} <file>`, `with --service: ${what}; PEM`).env(variable));
  }
  addEngineOptions(addModelsOptions(command)).action(async (options: ServeOptions) => {
    if (options.service === undefined) {
      refuseTyped(command, OF_ONE_SERVICE, (option) => `${option} is of one service alone: give --service`);
      return await serveAll(options);
    }
    if (options.recipe !== undefined)
      throw new TrimtabError("INVALID_ARGUMENT", "one service alone builds no recipe", { field: "--recipe" });
    const wantsHttp = options.service === "gateway" || command.getOptionValueSource("httpPort") === "cli";
    await serveOne(options.service, options, wantsHttp);
  });
}

/** What only one service alone takes: typed without one it would be taken for what happens. */
const OF_ONE_SERVICE = [
  ...["listen", "loadedFile", "tokenizer", "forward", "verifier", "steering"],
  ...["tlsCert", "tlsKey", "tlsCa"],
];

async function serveAll(options: ServeOptions): Promise<void> {
  if (options.recipe !== undefined && options.model.length > 1)
    throw new TrimtabError("INVALID_ARGUMENT", "a recipe is built for one model: give one --model", {
      field: "--recipe",
    });
  askForShortTurns();
  const endTracing = await startTracing("gateway");
  const stack = await startStack({ ...options, modelPath: options.model.map(locateModel), engine: options });
  closeOnSignals(() => stack.close().finally(endTracing));
  try {
    if (options.recipe !== undefined) await buildFirst(stack, options.recipe, options);
  } catch (error) {
    await stack.close({ graceMs: 0 });
    throw error;
  }
  const { host } = options;
  const [grpc, http] = [addressOf(host, stack.grpcPort), `http://${addressOf(host, stack.httpPort)}`];
  process.stdout.write(
    options.json
      ? `${JSON.stringify({ grpc, http })}\n`
      : `\ntrimtab serves: gRPC ${grpc}, HTTP ${http} (Ctrl-C ends)\n`,
  );
}

/** Builds a recipe, shown to a person as the demo shows it. */
async function buildFirst(stack: Stack, recipe: string, { json = false }: ServeOptions): Promise<void> {
  if (json) await buildRecipe(stack.client, recipe);
  else await answerAndBuild(stack, recipe);
}

async function serveOne(service: RoomName, options: ServeOptions, wantsHttp: boolean): Promise<void> {
  const { listen = addressOf(options.host, options.grpcPort), threads, supervised = false } = options;
  const { tokenizer, forward, verifier, steering, sharedPrefixes = false } = options;
  const entries = Object.entries({ tokenizer, forward, verifier, steering });
  const addresses = Object.fromEntries(entries.filter(([, address]) => address !== undefined));
  // Forward passes on what its engine computes: on a taken machine it comes after those who are waited for by strangers.
  if (service !== "forward") askForShortTurns();
  const endTracing = await startTracing(service);
  const running = await startService({
    service,
    modelPath: options.model.map(locateModel),
    quantize: options.quantize,
    threads,
    engine: options,
    sharedPrefixes,
    loadedFile: options.loadedFile,
    listen,
    ...(wantsHttp ? { http: { host: options.host, port: options.httpPort } } : {}),
    addresses,
    tls: { cert: options.tlsCert, key: options.tlsKey, ca: options.tlsCa },
  });
  closeOnSignals(() => running.close().finally(endTracing), { supervised });
  void running.broken?.then(() => process.exit(EXIT.broken));
  if (supervised) exitWithParent();
  else {
    const { grpcPort } = running.server;
    const said = options.json
      ? JSON.stringify({ service, listen, grpcPort })
      : `${service} serves on ${listen}, gRPC port ${grpcPort}`;
    process.stdout.write(`${said}\n`);
  }
}
