/**
 * Where things live on disk: the cache outside the repository (models, compiled kernels) and the artifact store.
 * Pure path arithmetic: nothing is created here.
 */
import { homedir } from "node:os";
import { join, resolve } from "node:path";

/** File name of the default model inside `<cache>/models`. */
export const DEFAULT_MODEL_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf";

/** Cache directory: `TRIMTAB_CACHE`, or `~/.cache/trimtab` (`XDG_CACHE_HOME` is honoured). */
export function cacheDir(): string {
  const own = process.env.TRIMTAB_CACHE;
  if (own) return resolve(own);
  return join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "trimtab");
}

/** Directory of downloaded model files. */
export function modelsDir(): string {
  return join(cacheDir(), "models");
}

/** The model file to use when none is named: `TRIMTAB_MODEL`, or the default model in the cache. It may not exist. */
export function defaultModelPath(): string {
  const own = process.env.TRIMTAB_MODEL;
  return own ? resolve(own) : join(modelsDir(), DEFAULT_MODEL_FILE);
}

/** Directory of the artifact store: `TRIMTAB_STORE`, or `<cache>/store`. */
export function storeDir(): string {
  const own = process.env.TRIMTAB_STORE;
  return own ? resolve(own) : join(cacheDir(), "store");
}

/** File of API keys: `TRIMTAB_KEYS`, or `<cache>/keys.json`. It may not exist. */
export function keysPath(): string {
  const own = process.env.TRIMTAB_KEYS;
  return own ? resolve(own) : join(cacheDir(), "keys.json");
}

/** Folder of a user's own recipes: `TRIMTAB_RECIPES`; absent: none beside those shipped. */
export function ownRecipesDir(): string | undefined {
  const own = process.env.TRIMTAB_RECIPES;
  return own ? resolve(own) : undefined;
}
