/** Models of the service: which may be loaded, and the engines running. */
import { TrimtabError } from "#kit/errors.ts";
import type { QuantizedType } from "#kit/gguf-quantize.ts";
import { changeKept } from "#kit/loaded-list.ts";
import { listModelNames, modelNameOf, realPathOf, resolveModelSource } from "#kit/model-sources.ts";
import type { Engine, EngineOptions } from "./engine/client.ts";
import { createEngine } from "./engine/client.ts";
import type { LoadProgress } from "./model/load.ts";

/** A model with its engine. */
export interface LoadedEntry {
  readonly name: string;
  readonly engine: Engine;
  /** The real path it was read from. */
  readonly path: string;
  /** Type its float matrices were quantized to. */
  readonly quantize: QuantizedType | null;
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
  /** @throws TrimtabError MODEL_NOT_FOUND, MODEL_MISMATCH, CONFLICT (another model has its name) and those of the loader */
  load(source: string, choice?: LoadChoice): Promise<LoadedEntry>;
  /** Loads a file the operator named, wherever it lies; as the operator said, unless `choice` says otherwise. */
  loadFile(path: string, choice?: Pick<LoadChoice, "expectedDigest" | "quantize">): Promise<LoadedEntry>;
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
  /** Called when a model was loaded or unloaded, before that is acknowledged; not when an engine died. */
  readonly onChange?: () => void;
}

/** A registry without loaded models. */
export function createRegistry(given: RegistryOptions): Registry {
  const { directories, engineOptions, onProgress, onChange = () => {} } = given;
  const entries = new Map<string, LoadedEntry>();
  const broken = Promise.withResolvers<TrimtabError>();
  const loading = new Map<string, Loading>();
  let isClosed = false;

  const open = async (path: string, { onProgress: report, ...choice }: LoadChoice): Promise<LoadedEntry> => {
    const options = { ...engineOptions, ...choice, modelPath: path };
    const engine = await createEngine(options, report);
    const { digest } = engine.model;
    if (isClosed) {
      await engine.close();
      throw new TrimtabError("SERVICE_UNAVAILABLE", "the service is closing");
    }
    const before = entries.get(digest);
    if (before) {
      await engine.close();
      return before;
    }
    const { quantize = null } = options;
    const entry = { name: modelNameOf(path, quantize), engine, path: realPathOf(path), quantize };
    if ([...entries.values()].some(({ name }) => name === entry.name)) {
      await engine.close();
      const message = `another model named ${entry.name} is loaded: unload it first`;
      throw new TrimtabError("CONFLICT", message, { field: "source" });
    }
    try {
      changeKept(entries, digest, entry, onChange);
    } catch (error) {
      await engine.close();
      throw error;
    }
    void engine.broken.then((error) => {
      // It may have been unloaded and loaded again since.
      if (entries.get(digest) === entry) entries.delete(digest);
      broken.resolve(error);
    });
    return entry;
  };
  return {
    broken: broken.promise,
    available() {
      const loaded = new Set([...entries.values()].map(({ name }) => name));
      return listModelNames(directories)
        .filter((name) => !loaded.has(name))
        .sort();
    },
    loaded: () => [...entries.values()],
    async load(source, { expectedDigest = "", quantize = null, onProgress: listener } = {}) {
      const path = resolveModelSource(source, directories);
      const known = [...entries.values()].find(
        (entry) => entry.path === path && entry.name === modelNameOf(path, quantize),
      );
      if (known && (expectedDigest === "" || known.engine.model.digest === expectedDigest)) return known;
      // Who expects another digest is answered by a load of its own.
      const key = `${path} ${quantize} ${expectedDigest}`;
      const listeners = loading.get(key)?.listeners ?? new Set();
      if (listener) listeners.add(listener);
      const report: LoadProgress = (...progress) => listeners.forEach((one) => one(...progress));
      const entry = loading.get(key)?.entry ?? open(path, { expectedDigest, quantize, onProgress: report });
      loading.set(key, { entry, listeners });
      return entry.finally(() => loading.delete(key));
    },
    loadFile: (path, choice = {}) => open(path, { ...choice, ...(onProgress && { onProgress }) }),
    async unload(digest) {
      const entry = entries.get(digest);
      if (!entry)
        throw new TrimtabError("MODEL_NOT_LOADED", "this model is not loaded", { field: "model_digest" });
      changeKept(entries, digest, undefined, onChange);
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
      isClosed = true;
      const all = [...entries.values()];
      entries.clear();
      await Promise.all(all.map(({ engine }) => engine.close()));
    },
  };
}
