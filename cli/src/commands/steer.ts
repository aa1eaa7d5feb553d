/** `trimtab steer fit | import | export`: artifacts made here, and directions in other programs' formats. */
import { readFile, writeFile } from "node:fs/promises";
import { Option, type Command } from "commander";
import { DirectionFormat } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { addFitCommand } from "../steer/fit.ts";
import { addTargetOptions, withGateway, type TargetOptions } from "../options.ts";

const FORMATS: Record<string, DirectionFormat> = {
  gguf: DirectionFormat.GGUF,
  safetensors: DirectionFormat.SAFETENSORS,
};

interface SteerOptions extends TargetOptions {
  readonly format: string;
}

const formatOption = (): Option =>
  new Option("--format <format>", "file format").choices(Object.keys(FORMATS)).default("gguf");

/** Adds the commands. */
export function addSteerCommand(program: Command): void {
  const steer = program
    .command("steer")
    .description("directions, edits and rulesets: made, imported, exported");
  addFitCommand(steer);
  addTargetOptions(
    steer.command("import").description("store a control vector file").argument("<name>").argument("<file>"),
  )
    .addOption(formatOption())
    .action(async (name: string, file: string, options: SteerOptions) => {
      const data = new Uint8Array(await readFile(file));
      await withGateway(options, async (client) => {
        const format = FORMATS[options.format] ?? DirectionFormat.UNSPECIFIED;
        const { artifact } = await client.importArtifact({ import: { name, format, data } });
        process.stdout.write(`${artifact?.name}@${artifact?.digest}\n`);
      });
    });
  addTargetOptions(
    steer
      .command("export")
      .description("write a stored direction or a recipe's")
      .argument("<reference>")
      .argument("<file>"),
  )
    .addOption(formatOption())
    .action(async (reference: string, file: string, options: SteerOptions) => {
      await withGateway(options, async (client) => {
        const format = FORMATS[options.format] ?? DirectionFormat.UNSPECIFIED;
        const { data } = await client.exportArtifact({ reference, format });
        await writeFile(file, data);
        process.stdout.write(`${file}: ${data.length} bytes\n`);
      });
    });
}
