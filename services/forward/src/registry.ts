/**
 * Models of the service: which may be loaded, and the engines running. A source is the name of a file (with or without
 * `.gguf`) or of a model's directory in an allowed directory, or a path inside one.
 */
import { existsSync, readdirSync, realpathSync } from "node:fs";
import { basename, join, sep } from "node:path";
import { TrimtabError } from "#kit/errors.ts";
import type { QuantizedType } from "#kit/gguf-quantize.ts";
import { isModelDirectory } from "#kit/model-directory.ts";
import { isOnnxModel, onnxFolder } from "#kit/onnx-model.ts";
import type { Engine, EngineOptions } from "./engine/client.ts";
import { createEngine } from "./engine/client.ts";
import type { LoadProgress } from "./model/load.ts";

/** A model with its engine. */
export interface LoadedEntry {
  readonly name: string;
  readonly engine: Engine;
}

/** A model on its way, and who hears of its progress. */
interface Loading {
  readonly entry: Promise<LoadedEntry>;
  readonly listeners: Set<LoadProgress>;
}

/** The models of a service. */
export interface Registry {
  /** Files that could be loaded and are not. */
  available(): string[];
  loaded(): readonly LoadedEntry[];
  /** @throws TrimtabError MODEL_NOT_FOUND, MODEL_MISMATCH and those of the loader */
  load(source: string, choice?: LoadChoice): Promise<LoadedEntry>;
  /** Loads a file the operator named, wherever it lies. */
  loadFile(path: string): Promise<LoadedEntry>;
  unload(digest: string): Promise<void>;
  /** The engine of a model digest. @throws TrimtabError FIELD_REQUIRED, MODEL_NOT_LOADED */
  engine(digest: string): Engine;
  /** Resolves with the reason when an engine died by itself. */
  readonly broken: Promise<TrimtabError>;
  close(): Promise<void>;
}

/** What a load may ask for besides the model. */
export interface LoadChoice {
  /** Empty is not checked. */
  readonly expectedDigest?: string;
  /** See `RuntimeOptions`. */
  readonly quantize?: QuantizedType | null;
  readonly onProgress?: LoadProgress;
}

/** Where models may come from and how their engines are made. */
export interface RegistryOptions {
  /** Directories whose models may be loaded by name or path. */
  readonly directories: readonly string[];
  readonly engineOptions: Omit<EngineOptions, "modelPath">;
  /** Hears of the file the operator named. */
  readonly onProgress?: LoadProgress;
}

/** A registry without loaded models. */
export function createRegistry({ directories, engineOptions, onProgress }: RegistryOptions): Registry {
  const entries = new Map<string, LoadedEntry>();
  const broken = Promise.withResolvers<TrimtabError>();
  const loading = new Map<string, Loading>();

  const open = async (path: string, { onProgress: report, ...choice }: LoadChoice): Promise<LoadedEntry> => {
    const options = { ...engineOptions, ...choice, modelPath: path };
    const engine = await createEngine(options, report);
    const { digest } = engine.model;
    const before = entries.get(digest);
    if (before) {
      await engine.close();
      return before;
    }
    const entry = { name: nameOf(path, options.quantize), engine };
    entries.set(digest, entry);
    void engine.broken.then((error) => {
      entries.delete(digest);
      broken.resolve(error);
    });
    return entry;
  };
  return {
    broken: broken.promise,
    available() {
      const paths = directories
        .filter(existsSync)
        .flatMap((directory) => readdirSync(directory).map((name) => join(directory, name)));
      const loaded = new Set([...entries.values()].map(({ name }) => name));
      const found = paths.filter(isModel).map((path) => nameOf(path));
      return [...new Set(found)].filter((name) => !loaded.has(name)).sort();
    },
    loaded: () => [...entries.values()],
    async load(source, { expectedDigest = "", quantize = null, onProgress: listener } = {}) {
      const path = resolve(source, directories);
      const known = [...entries.values()].find(({ name }) => name === nameOf(path, quantize));
      if (known && (expectedDigest === "" || known.engine.model.digest === expectedDigest)) return known;
      const key = `${path} ${quantize}`;
      const listeners = loading.get(key)?.listeners ?? new Set();
      if (listener) listeners.add(listener);
      const report: LoadProgress = (...progress) => listeners.forEach((one) => one(...progress));
      const entry = loading.get(key)?.entry ?? open(path, { expectedDigest, quantize, onProgress: report });
      loading.set(key, { entry, listeners });
      return entry.finally(() => loading.delete(key));
    },
    loadFile: (path) => open(path, onProgress ? { onProgress } : {}),
    async unload(digest) {
      const entry = entries.get(digest);
      if (!entry)
        throw new TrimtabError("MODEL_NOT_LOADED", "this model is not loaded", { field: "model_digest" });
      entries.delete(digest);
      await entry.engine.close(new TrimtabError("MODEL_NOT_LOADED", "the model was unloaded"));
    },
    engine(digest) {
      if (digest === "")
        throw new TrimtabError("FIELD_REQUIRED", "model_digest is missing", { field: "model_digest" });
      const entry = entries.get(digest);
      if (entry) return entry.engine;
      throw new TrimtabError("MODEL_NOT_LOADED", "no model with this digest is loaded", {
        field: "model_digest",
      });
    },
    async close() {
      const all = [...entries.values()];
      entries.clear();
      await Promise.all(all.map(({ engine }) => engine.close()));
    },
  };
}

function isModel(path: string): boolean {
  return path.endsWith(".gguf") || isOnnxModel(path) || isModelDirectory(path);
}

/** The name of a model: of its file or directory (of an ONNX graph both), and the type it is quantized to. */
function nameOf(path: string, quantize: QuantizedType | null = null): string {
  const name = isOnnxModel(path)
    ? `${basename(onnxFolder(path))}.${basename(path, ".onnx")}`
    : basename(path, ".gguf");
  return quantize === null ? name : `${name}.${quantize.toUpperCase()}`;
}

/** The real path of a source, if it lies in an allowed directory; missing and forbidden look the same from outside. */
function resolve(source: string, directories: readonly string[]): string {
  const roots = directories.filter(existsSync).map((directory) => realpathSync(directory));
  const candidates = roots.flatMap((root) => [join(root, source), join(root, `${source}.gguf`)]);
  for (const candidate of [source, ...candidates]) {
    if (source === "" || source.includes("\0") || !existsSync(candidate)) continue;
    const real = realpathSync(candidate);
    const inside = roots.some((root) => real.startsWith(root + sep));
    if (inside && isModel(real)) return real;
  }
  const message = `no model "${source.slice(0, 80)}" in the allowed directories`;
  throw new TrimtabError("MODEL_NOT_FOUND", message, { field: "source" });
}
