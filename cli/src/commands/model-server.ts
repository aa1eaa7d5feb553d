/** `trimtab model load | unload | ps`: the models of a running server. */
import { type Command, Option } from "commander";
import { TrimtabError } from "#kit/errors.ts";
import { QUANTIZED_TYPES, type QuantizedType } from "#kit/gguf-quantize.ts";
import { cancelSafe } from "#kit/streams.ts";
import { connectGateway } from "../compose.ts";
import { DEFAULT_GRPC_PORT } from "../ports.ts";
import { createLoadProgress } from "../view/load-progress.ts";
import { addJsonOption, type JsonOption, printResult } from "../view/result.ts";

interface ServerOptions extends JsonOption {
  readonly address: string;
}

interface LoadOptions extends ServerOptions {
  readonly quantize?: QuantizedType;
}

const DIGEST_CHARS = 12;

/** Adds the commands to `trimtab model`. */
export function addModelServerCommands(model: Command): void {
  ofServer(model.command("load"), "load a model into a running server")
    .argument("<model>", "its name or path, in a directory the server may load from")
    .addOption(
      new Option("--quantize <type>", "quantize its float matrices meanwhile").choices(QUANTIZED_TYPES),
    )
    .action(load);
  ofServer(model.command("unload").alias("stop"), "take a model out of a running server")
    .argument("<model>", "its name or digest")
    .action(async (name: string, { address, ...options }: ServerOptions) => {
      await connectGateway(address).unloadModel({ model: name });
      printResult(options, { unloaded: name }, []);
    });
  ofServer(model.command("ps"), "models a running server has loaded").action(show);
}

function ofServer(command: Command, description: string): Command {
  return addJsonOption(command)
    .description(description)
    .option("--address <host:port>", "gRPC address of the server", `127.0.0.1:${DEFAULT_GRPC_PORT}`);
}

async function load(source: string, { address, quantize, ...options }: LoadOptions): Promise<void> {
  const onProgress = createLoadProgress();
  const client = connectGateway(address);
  const what = { source, ...(quantize && { quantize }) };
  for await (const { event } of cancelSafe((signal) => client.loadModel(what, { signal }))) {
    if (event.case === "progress")
      onProgress(Number(event.value.loadedBytes), Number(event.value.totalBytes));
    if (event.case !== "model") continue;
    const { name, digest } = event.value;
    return printResult(options, { name, digest }, [lineOf(name, digest)]);
  }
  throw new TrimtabError("SERVICE_UNAVAILABLE", "the server ended before the model was loaded");
}

async function show({ address, ...options }: ServerOptions): Promise<void> {
  const { models } = await connectGateway(address).listModels({});
  const loaded = models.filter((model) => model.loaded).map(({ name, digest }) => ({ name, digest }));
  printResult(
    options,
    loaded,
    loaded.map(({ name, digest }) => lineOf(name, digest)),
  );
}

const lineOf = (name: string, digest: string): string =>
  `${name.padEnd(48)} ${digest.slice(0, DIGEST_CHARS)}`;
