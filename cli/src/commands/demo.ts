/** `trimtab demo`: the main job, see demo/run.ts; `trimtab demo search`: one search, drawn, see demo/search.ts. */
import { Argument, type Command } from "commander";
import { TrimtabError } from "#kit/errors.ts";
import { integerIn } from "#kit/option-values.ts";
import { startStack } from "../compose.ts";
import { runDemo } from "../demo/run.ts";
import { runSearchDemo } from "../demo/search.ts";
import { checkWritable } from "../given-file.ts";
import { addModelOptions, type ModelOptions } from "../options.ts";

interface DemoOptions extends ModelOptions {
  readonly json?: string;
  readonly grpcPort: number;
  readonly httpPort: number;
}

/** Adds the command. */
export function addDemoCommand(program: Command): void {
  const command = program
    .command("demo")
    .addArgument(new Argument("[part]", "what to show").choices(["tour", "search"]).default("tour"))
    .description("start everything, build the refusal recipe, answer side by side, print the evidence")
    .option("--json <file>", "write the numbers to a file")
    .option("--grpc-port <port>", "gRPC port, 0 for any free one", integerIn(0, 65535), 0)
    .option("--http-port <port>", "HTTP port, 0 for any free one", integerIn(0, 65535), 0);
  addModelOptions(command).action(async (part: string, options: DemoOptions) => {
    if (part === "search" && options.json !== undefined)
      throw new TrimtabError("INVALID_ARGUMENT", "the search has no numbers to write", { field: "--json" });
    checkWritable(options.json, "--json");
    const stack = await startStack({
      modelPath: options.model,
      quantize: options.quantize,
      threads: options.threads,
      host: "127.0.0.1",
      grpcPort: options.grpcPort,
      httpPort: options.httpPort,
    });
    try {
      if (part === "search") await runSearchDemo(stack.client);
      else await runDemo(stack, options.json);
    } finally {
      await stack.close();
    }
  });
}
