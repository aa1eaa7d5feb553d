/** `trimtab steer extract | fit | sweep | list | show | delete | import | export`: what is made, kept, and exchanged with other programs. */
import { writeFile } from "node:fs/promises";
import { Option, type Command } from "commander";
import { DirectionFormat } from "#proto/trimtab/steering/v1/steering_service_pb.ts";
import { wholeNumber } from "#kit/option-values.ts";
import { checkWritable, readGiven } from "../given-file.ts";
import { addExtractCommand } from "../steer/extract.ts";
import { addFitCommand } from "../steer/fit.ts";
import { addShowCommand } from "../steer/show.ts";
import { addStoredCommands } from "../steer/stored.ts";
import { addSweepCommand } from "../steer/sweep.ts";
import { addTargetOptions, withGateway, type TargetOptions } from "../options.ts";
import { addJsonOption, type JsonOption, printResult } from "../view/result.ts";

const FORMATS: Record<string, DirectionFormat> = {
  gguf: DirectionFormat.GGUF,
  safetensors: DirectionFormat.SAFETENSORS,
};
const READABLE: Record<string, DirectionFormat> = {
  ...FORMATS,
  svec: DirectionFormat.SVEC,
  saelens: DirectionFormat.SAELENS,
  "fc-controller": DirectionFormat.FC_CONTROLLER,
};

interface SteerOptions extends TargetOptions, JsonOption {
  readonly format: string;
}

interface ImportOptions extends SteerOptions {
  readonly feature: number;
  readonly layer: number;
}

const formatOption = (formats: Record<string, DirectionFormat>): Option =>
  new Option("--format <format>", "file format").choices(Object.keys(formats)).default("gguf");

/** Adds the commands. */
export function addSteerCommand(program: Command): void {
  const steer = program
    .command("steer")
    .description("directions, edits and rulesets: made, listed, imported, exported");
  addExtractCommand(steer);
  addFitCommand(steer);
  addSweepCommand(steer);
  addStoredCommands(steer);
  addShowCommand(steer);
  const importing = steer.command("import").argument("<name>").argument("<file>");
  addTargetOptions(addJsonOption(importing.description("store a control vector file")))
    .addOption(formatOption(READABLE))
    .option("--feature <index>", "feature of a sparse autoencoder (saelens)", wholeNumber, 0)
    .option("--layer <block>", "block whose residual it reads (saelens)", wholeNumber, 0)
    .action(async (name: string, file: string, options: ImportOptions) => {
      const data = new Uint8Array(readGiven(file, "file"));
      await withGateway(options, async (client) => {
        const format = READABLE[options.format] ?? DirectionFormat.UNSPECIFIED;
        const { feature, layer } = options;
        const { artifact } = await client.importArtifact({ import: { name, format, data, feature, layer } });
        const said = { name: artifact?.name ?? "", digest: artifact?.digest ?? "" };
        printResult(options, said, [`${said.name}@${said.digest}`]);
      });
    });
  const exporting = steer.command("export").argument("<reference>").argument("<file>");
  addTargetOptions(addJsonOption(exporting.description("write a stored direction or a recipe's")))
    .addOption(formatOption(FORMATS))
    .action(async (reference: string, file: string, options: SteerOptions) => {
      checkWritable(file, "file");
      await withGateway(options, async (client) => {
        const format = FORMATS[options.format] ?? DirectionFormat.UNSPECIFIED;
        const { data } = await client.exportArtifact({ reference, format });
        await writeFile(file, data);
        printResult(options, { path: file, bytes: data.length }, [`${file}: ${data.length} bytes`]);
      });
    });
}
