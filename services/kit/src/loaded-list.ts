/**
 * Which models are loaded, in a file: a process that is started again after a fault loads them again, and not those that
 * were unloaded, so that no load and no unload that was acknowledged is lost.
 */
import { existsSync } from "node:fs";
import { TrimtabError } from "./errors.ts";
import { writeFileAtomic } from "./files.ts";
import { isQuantizedType, type QuantizedType } from "./gguf-quantize.ts";
import { isJsonObject, readJsonFile } from "./json-file.ts";
import { LOADED_LIST_LIMITS } from "./limits.ts";
import { createLogger } from "./log.ts";

/** A model as it was loaded. */
export interface ListedModel {
  readonly path: string;
  readonly quantize: QuantizedType | null;
  /** What it was, hex: another file under the same path is not the model that was loaded. */
  readonly digest: string;
}

/** What is loaded, kept. */
export interface LoadedList {
  /**
   * Loads what was loaded before the process ended; of that some may be gone, which is logged. Without a list, calls
   * `first`.
   * @throws TrimtabError ARTIFACT_INVALID for a file that is no list, and what `first` throws
   */
  restore(load: (model: ListedModel) => Promise<unknown>, first: () => Promise<void>): Promise<void>;
  /** Writes what is loaded now, durable before it returns; nothing before `restore` is over. */
  keep(models: readonly ListedModel[]): void;
}

/** A list in `file`; without one nothing is kept. `service` is its name in the log. */
export function createLoadedList(file: string | undefined, service: string): LoadedList {
  let isRestored = false;
  return {
    async restore(load, first) {
      const before = file === undefined ? undefined : readList(file);
      if (!before) await first();
      for (const model of before ?? []) {
        await load(model).catch((error: unknown) => {
          const fields = { path: model.path, cause: String(error) };
          createLogger(service).log("error", "a model is not loaded again", fields);
        });
      }
      isRestored = true;
    },
    keep(models) {
      if (file === undefined || !isRestored) return;
      writeFileAtomic(file, new TextEncoder().encode(JSON.stringify({ models })));
    },
  };
}

/**
 * Puts an entry into a map, or takes it out (`undefined`), and has that kept; what cannot be kept is not done, so that who is
 * told that it failed finds nothing of it.
 * @throws what `keep` throws
 */
export function changeKept<Key, Entry>(
  entries: Map<Key, Entry>,
  key: Key,
  entry: Entry | undefined,
  keep: () => void,
): void {
  const before = entries.get(key);
  const put = (value: Entry | undefined): void => {
    if (value === undefined) entries.delete(key);
    else entries.set(key, value);
  };
  put(entry);
  try {
    keep();
  } catch (error) {
    put(before);
    throw error;
  }
}

function readList(file: string): readonly ListedModel[] | undefined {
  if (!existsSync(file)) return undefined;
  const { models } = readJsonFile(file, "loaded", LOADED_LIST_LIMITS);
  if (Array.isArray(models) && models.every(isListed)) return models;
  throw new TrimtabError("ARTIFACT_INVALID", `${file} is no list of loaded models`, { field: "loaded" });
}

function isListed(value: unknown): value is ListedModel {
  if (!isJsonObject(value)) return false;
  const { path, quantize, digest } = value;
  const isType = quantize === null || (typeof quantize === "string" && isQuantizedType(quantize));
  return isType && typeof path === "string" && typeof digest === "string";
}
