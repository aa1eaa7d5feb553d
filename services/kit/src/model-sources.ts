/**
 * Which models a service may load, and what they are called. A source is the name of a file (with or without `.gguf`)
 * or of a model's directory in an allowed directory, or a path inside one. Cost: a few looks at the file system.
 */
import { existsSync, readdirSync, realpathSync } from "node:fs";
import { basename, dirname, join, sep } from "node:path";
import { TrimtabError } from "./errors.ts";
import { isQuantizedType, QUANTIZED_TYPES, type QuantizedType } from "./gguf-quantize.ts";
import { isModelDirectory } from "./model-directory.ts";
import { findOnnxFolder, isOnnxModel, onnxFolder } from "./onnx-model.ts";
import { modelsDir } from "./paths.ts";
import { quoted } from "./printable.ts";

/** The name of a model: of its file or directory (of an ONNX graph both), and the type it is quantized to. */
export function modelNameOf(path: string, quantize: QuantizedType | null = null): string {
  const name = isOnnxModel(path)
    ? `${basename(onnxFolder(path))}.${basename(path, ".onnx")}`
    : basename(path, ".gguf");
  return quantize === null ? name : `${name}.${quantize.toUpperCase()}`;
}

/** Where models may be loaded from unless the operator says: beside the models named at start, and the model cache. */
export function defaultModelDirectories(paths: readonly string[]): string[] {
  return [...new Set([...paths.map((path) => dirname(path)), modelsDir()])];
}

/** Names of the models that lie in `directories`, each once. */
export function listModelNames(directories: readonly string[]): string[] {
  const paths = directories
    .filter(existsSync)
    .flatMap((directory) => readdirSync(directory).map((name) => join(directory, name)));
  // Other graphs may lie there, too: what has no configuration is not served, and must not keep the rest from being named.
  const models = paths.filter((path) => isModel(path) && (!isOnnxModel(path) || findOnnxFolder(path)));
  return [...new Set(models.map((path) => modelNameOf(path)))];
}

/**
 * The real path of a source, if it lies in an allowed directory; missing and forbidden look the same from outside.
 * @throws TrimtabError MODEL_NOT_FOUND
 */
export function resolveModelSource(source: string, directories: readonly string[]): string {
  const roots = directories.filter(existsSync).map((directory) => realpathSync(directory));
  const candidates = roots.flatMap((root) => [join(root, source), join(root, `${source}.gguf`)]);
  for (const candidate of [source, ...candidates]) {
    if (source === "" || source.includes("\0") || !existsSync(candidate)) continue;
    const real = realpathSync(candidate);
    const inside = roots.some((root) => real.startsWith(root + sep));
    if (inside && isModel(real)) return real;
  }
  const message = `no model ${quoted(source)} in the allowed directories`;
  throw new TrimtabError("MODEL_NOT_FOUND", message, { field: "source" });
}

/**
 * The path of a model that the operator names: a path that exists, or a name in the cache, with or without `.gguf`. What is
 * neither stays as it is, for the loader to refuse.
 */
export function locateModel(named: string): string {
  const candidates = [named, join(modelsDir(), named), join(modelsDir(), `${named}.gguf`)];
  return candidates.find((path) => existsSync(path)) ?? named;
}

/** The path that all links to a model lead to; one that does not exist is for the loader to refuse. */
export function realPathOf(path: string): string {
  return existsSync(path) ? realpathSync(path) : path;
}

/** The type of a load request; empty is none. @throws TrimtabError INVALID_ARGUMENT */
export function toQuantizedType(name: string): QuantizedType | null {
  if (name === "") return null;
  if (isQuantizedType(name)) return name;
  const message = `quantize must be empty or one of ${QUANTIZED_TYPES.join(", ")}`;
  throw new TrimtabError("INVALID_ARGUMENT", message, { field: "quantize" });
}

function isModel(path: string): boolean {
  return path.endsWith(".gguf") || isOnnxModel(path) || isModelDirectory(path);
}
