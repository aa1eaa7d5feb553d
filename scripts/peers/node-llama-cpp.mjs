// node-llama-cpp with its prebuilt library for plain processors; the builds for graphics cards, 600 MB, are left out. Cost: 85 MB in
// the cache.

import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SetupFailure } from "../lib/failure.mjs";
import { withLock } from "../lib/lock.mjs";
import { capture } from "../lib/processes.mjs";

const VERSION = "3.22.1";
const DEPENDENCIES = { "node-llama-cpp": VERSION, "@node-llama-cpp/linux-x64": VERSION };
const SHOWN_LINES = 12;

const folderIn = (cache) => join(cache, "peers", `node-llama-cpp-${VERSION}`);
const entryIn = (folder) => join(folder, "node_modules", "node-llama-cpp", "dist", "index.js");

/** What is there: `{ path, version }` with the module to import, or `{ absent }` with the reason. */
export function findNodeLlama(cache) {
  const path = entryIn(folderIn(cache));
  if (existsSync(path)) return { path, version: VERSION };
  return { absent: "not installed: npm run bench:peers -- node-llama-cpp" };
}

/**
 * Installs it unless it is there.
 * @throws SetupFailure TOOLS_MISSING, DOWNLOAD_FAILED.
 */
export async function ensureNodeLlama(cache) {
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new SetupFailure("TOOLS_MISSING", "node-llama-cpp is compared with on Linux x64 only");
  }
  const folder = folderIn(cache);
  await withLock(`${folder}.lock`, async () => {
    if (!existsSync(entryIn(folder))) await install(folder);
  });
}

async function install(folder) {
  const scratch = `${folder}.${process.pid}`;
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(scratch, { recursive: true });
  const root = { name: "cached", version: "1.0.0", private: true, dependencies: DEPENDENCIES };
  writeFileSync(join(scratch, "package.json"), JSON.stringify(root));
  const args = [
    "install",
    "--ignore-scripts",
    "--omit=optional",
    "--no-audit",
    "--no-fund",
    "--loglevel=error",
  ];
  const { code, output } = await capture("npm", args, { cwd: scratch });
  if (code !== 0) {
    rmSync(scratch, { recursive: true, force: true });
    const shown = output.trimEnd().split("\n").slice(-SHOWN_LINES).join("\n");
    throw new SetupFailure("DOWNLOAD_FAILED", `npm install of node-llama-cpp ended with code ${code}`, shown);
  }
  rmSync(folder, { recursive: true, force: true });
  renameSync(scratch, folder);
}
