/** `trimtab capture`: activations of many prompts into a safetensors file. */
import { type Command, Option } from "commander";
import { Presets, SingleBar } from "cli-progress";
import { readPrompts } from "../capture/prompts.ts";
import { POOLINGS, prepareReading, type ReadingOptions } from "../capture/reading.ts";
import { writeCapture } from "../capture/write.ts";
import type { GatewayClient } from "../demo/answer.ts";
import { onlyModel } from "../only-model.ts";
import { addTargetOptions, withGateway, type TargetOptions } from "../options.ts";
import { addJsonOption, type JsonOption, printResult } from "../view/result.ts";
import { isInteractive } from "../view/style.ts";

interface CaptureOptions extends TargetOptions, ReadingOptions, JsonOption {
  readonly out: string;
  readonly input?: string;
  readonly format?: "text" | "jsonl";
  readonly chat?: boolean;
}

/** Adds the command. */
export function addCaptureCommand(program: Command): void {
  const command = program
    .command("capture")
    .description("write activations of prompts to a safetensors file")
    .argument("[prompts...]", "texts to read")
    .requiredOption("--out <file>", "where to write")
    .option("--input <file>", "more prompts, one a line; - is standard input")
    .addOption(
      new Option("--format <format>", "of the input; by its name if not given").choices(["text", "jsonl"]),
    )
    .option("--chat", "render texts as a user's message with the model's chat template")
    .option("--site <names...>", "where to read", ["residual"])
    .option("--layers <list>", "blocks, such as 0,4-7,-1; all if not given")
    .option("--positions <which>", "last, all or first:end; last, or all of what is pooled")
    .addOption(
      new Option("--pooling <kind>", "fold the positions into one row")
        .choices(Object.keys(POOLINGS))
        .default("none"),
    )
    .option("--final-norm", "apply the model's final norm to residual rows")
    .option("--projection <file>", "multiply rows with the one matrix [rank, dim] of a safetensors file");
  addTargetOptions(addJsonOption(command)).action(async (prompts: string[], options: CaptureOptions) => {
    const source = { ...options, prompts, chat: options.chat ?? false };
    const read = await readPrompts(source);
    await withGateway(options, (client) => capture(client, read, options));
  });
}

async function capture(
  client: GatewayClient,
  prompts: Awaited<ReturnType<typeof readPrompts>>,
  options: CaptureOptions,
): Promise<void> {
  const model = await onlyModel(client, "capture reads from");
  const reading = await prepareReading(client, model, options);
  const bar = isInteractive()
    ? new SingleBar({ format: "  {bar} {value}/{total} prompts" }, Presets.shades_classic)
    : undefined;
  bar?.start(prompts.length, 0);
  const { pooling, finalNorm = false } = options;
  const about = {
    ...{ positions: reading.positions, pooling, final_norm: String(finalNorm) },
    projection_digest: reading.taps[0]?.projectionDigest ?? "",
  };
  try {
    const job = { model, prompts, reading, path: options.out, about };
    const { tokens, tensors } = await writeCapture(client, job, (done) => bar?.update(done));
    bar?.stop();
    const said = `${options.out}: ${tensors} tensors of ${prompts.length} prompts, ${tokens} tokens`;
    printResult(options, { path: options.out, tensors, prompts: prompts.length, tokens }, [said]);
  } finally {
    bar?.stop();
  }
}
