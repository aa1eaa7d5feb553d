// Installs llama.cpp's prebuilt library (npm: @node-llama-cpp/linux-x64) into the cache, once. It is no dependency of the project,
// because npm refuses to install a package made for another platform. npm itself checks the digest in the lockfile written here.
// Cost: 30 MB unpacked, downloaded once; afterwards a look at two files.

import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SetupFailure } from "../../scripts/lib/failure.mjs";
import { withLock } from "../../scripts/lib/lock.mjs";
import { capture } from "../../scripts/lib/processes.mjs";
import { cacheFolder } from "../../scripts/model.mjs";

const NAME = "@node-llama-cpp/linux-x64";
const VERSION = "3.22.1";
const INTEGRITY =
  "sha512-5uCCDNqWCNfaAm8aR/Uzxbo4HBpKgNF91kCHPepKhgMgV2OAmatoefbOlMihsqCiH2Od35E/eUHQCFbfRBJuOg==";
const SHOWN_LINES = 12;

const folder = join(cacheFolder(), "llama", VERSION);
const installed = join(folder, "node_modules", NAME);

/**
 * Makes sure that the library is there.
 * @returns the folder of its shared objects; null on platforms it is not made for.
 * @throws SetupFailure NPM_MISSING, DOWNLOAD_FAILED.
 */
export async function ensureLlama() {
  if (process.platform !== "linux" || process.arch !== "x64") return null;
  if (!isInstalled()) {
    await withLock(`${folder}.lock`, async () => {
      if (!isInstalled()) await install();
    });
  }
  return join(installed, "bins", "linux-x64");
}

function isInstalled() {
  try {
    const { version } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
    return version === VERSION && existsSync(join(installed, "bins", "linux-x64", "libllama.so"));
  } catch {
    return false;
  }
}

async function install() {
  const scratch = `${folder}.${process.pid}`;
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(scratch, { recursive: true });
  const root = { name: "oracle", version: "1.0.0", dependencies: { [NAME]: VERSION } };
  const lock = {
    ...root,
    lockfileVersion: 3,
    packages: { "": root, [`node_modules/${NAME}`]: { version: VERSION, integrity: INTEGRITY } },
  };
  writeFileSync(join(scratch, "package.json"), JSON.stringify({ ...root, private: true }));
  writeFileSync(join(scratch, "package-lock.json"), JSON.stringify(lock));
  const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  const { code, output } = await capture("npm", args, { cwd: scratch });
  if (code !== 0) {
    rmSync(scratch, { recursive: true, force: true });
    const shown = output.trimEnd().split("\n").slice(-SHOWN_LINES).join("\n");
    if (code === 127) throw new SetupFailure("NPM_MISSING", "npm was not found", shown);
    throw new SetupFailure("DOWNLOAD_FAILED", `npm ci of ${NAME} ended with code ${code}`, shown);
  }
  rmSync(folder, { recursive: true, force: true });
  renameSync(scratch, folder);
}
