/**
 * Options that several commands share: where the services are, or how to start them.
 */
import { Option, type Command } from "commander";
import { TrimtabError } from "#kit/errors.ts";
import { QUANTIZED_TYPES, type QuantizedType } from "#kit/gguf-quantize.ts";
import { locateModel } from "#kit/model-sources.ts";
import { integerIn } from "#kit/option-values.ts";
import { defaultModelPath } from "#kit/paths.ts";
import { connectGateway, startStack, type Stack } from "./compose.ts";
import { aboutModel } from "./named-model.ts";

/** Values of the options added by `addModelOptions`. */
export interface ModelOptions {
  readonly model: string;
  readonly quantize?: QuantizedType;
  readonly threads: number | "auto";
}

/** Values of the options added by `addTargetOptions`. */
export interface TargetOptions extends ModelOptions {
  readonly address?: string;
}

/** Most compute threads the engine takes. */
const MAX_THREADS = 16;
/** Parses a number of threads, or `auto`: as many as measure fastest. */
function threadCount(text: string): number | "auto" {
  return text === "auto" ? text : integerIn(1, MAX_THREADS)(text);
}

/** What `--model` takes. */
const MODEL_HELP = "a GGUF file or a directory with safetensors, or its name in the cache";

/** Adds `--model`, `--quantize` and `--threads`. */
export function addModelOptions(command: Command): Command {
  return addPreparation(command.option("--model <model>", MODEL_HELP, locateModel, defaultModelPath()));
}

/** The same with a `--model` that can be given several times. */
export function addModelsOptions(command: Command): Command {
  const help = `${MODEL_HELP}; several times: several models`;
  return addPreparation(command.option("--model <model...>", help, [defaultModelPath()]));
}

/** How a model is loaded and run. */
function addPreparation(command: Command): Command {
  return command
    .addOption(
      new Option("--quantize <type>", "quantize the model's float matrices while it is loaded").choices(
        QUANTIZED_TYPES,
      ),
    )
    .option(
      "--threads <n|auto>",
      "compute threads: a number, or as many as measure fastest",
      threadCount,
      "auto",
    );
}

/** Options of services that a command starts: a server that runs has chosen for itself. */
const OF_STARTED = ["quantize", "threads"];

/** Adds `--address` beside the model options: use running services, or start them for this command. */
export function addTargetOptions(command: Command): Command {
  const help = `${MODEL_HELP}; with --address one of the server's models, by its name`;
  return addPreparation(command.option("--model <model>", help, defaultModelPath()))
    .option(
      "--address <host:port>",
      "gRPC address of a running gateway; without it the services are started for this command",
    )
    .hook("preAction", (_, called) => {
      if (called.getOptionValueSource("address") === undefined) return;
      // What the environment says is a file for services that are started.
      if (called.getOptionValueSource("model") !== "cli") called.setOptionValue("model", "");
      const why = "is of services that are started for a command: the server at --address has its own";
      refuseTyped(called, OF_STARTED, (option) => `${option} ${why}`);
    });
}

/**
 * Refuses options that were typed and would be left aside; what the environment says may be more than is used.
 * @param names of their values
 * @param why what is wrong with such an option, given as it is typed
 * @throws TrimtabError INVALID_ARGUMENT naming the first
 */
export function refuseTyped(
  command: Command,
  names: readonly string[],
  why: (option: string) => string,
): void {
  const idle = names.find((name) => command.getOptionValueSource(name) === "cli");
  const field = command.options.find((option) => option.attributeName() === idle)?.long;
  if (field) throw new TrimtabError("INVALID_ARGUMENT", why(field), { field });
}

/** Runs `work` against the gateway the options name and closes what was started. */
export async function withGateway<T>(
  options: TargetOptions,
  work: (client: Stack["client"]) => Promise<T>,
): Promise<T> {
  if (options.address !== undefined) {
    const client = connectGateway(options.address);
    return await work(options.model === "" ? client : aboutModel(client, options.model));
  }
  const stack = await startStack({
    modelPath: locateModel(options.model),
    quantize: options.quantize,
    threads: options.threads,
    host: "127.0.0.1",
    grpcPort: 0,
    httpPort: 0,
  });
  try {
    return await work(stack.client);
  } finally {
    await stack.close();
  }
}
