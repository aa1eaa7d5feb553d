// Installs one npm package without dependencies into a folder of the cache, for what is no dependency of the project (npm refuses
// packages made for another platform, and peers are needed by few). npm itself checks the digest in the lockfile written here.

import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SetupFailure } from "./failure.mjs";
import { withLock } from "./lock.mjs";
import { capture } from "./processes.mjs";

const SHOWN_LINES = 12;

/** Where a package is when it is there: `{ name, version, integrity }` as npm knows it. */
export const packageFolder = (folder, { name }) => join(folder, "node_modules", name);

/** Whether it is there, in this version. */
export function isPackageThere(folder, pin) {
  try {
    const { version } = JSON.parse(readFileSync(join(packageFolder(folder, pin), "package.json"), "utf8"));
    return version === pin.version;
  } catch {
    return false;
  }
}

/**
 * Makes sure that a package is in `folder`, which it has for itself.
 * @returns the package's own folder.
 * @throws SetupFailure NPM_MISSING, DOWNLOAD_FAILED.
 */
export async function ensurePackage(folder, pin) {
  if (!isPackageThere(folder, pin)) {
    await withLock(`${folder}.lock`, async () => {
      if (!isPackageThere(folder, pin)) await install(folder, pin);
    });
  }
  return packageFolder(folder, pin);
}

async function install(folder, { name, version, integrity }) {
  const scratch = `${folder}.${process.pid}`;
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(scratch, { recursive: true });
  const root = { name: "cached", version: "1.0.0", dependencies: { [name]: version } };
  const lock = {
    ...root,
    lockfileVersion: 3,
    packages: { "": root, [`node_modules/${name}`]: { version, integrity } },
  };
  writeFileSync(join(scratch, "package.json"), JSON.stringify({ ...root, private: true }));
  writeFileSync(join(scratch, "package-lock.json"), JSON.stringify(lock));
  const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  const { code, output } = await capture("npm", args, { cwd: scratch });
  if (code !== 0) {
    rmSync(scratch, { recursive: true, force: true });
    const shown = output.trimEnd().split("\n").slice(-SHOWN_LINES).join("\n");
    if (code === 127) throw new SetupFailure("NPM_MISSING", "npm was not found", shown);
    throw new SetupFailure("DOWNLOAD_FAILED", `npm ci of ${name} ended with code ${code}`, shown);
  }
  rmSync(folder, { recursive: true, force: true });
  renameSync(scratch, folder);
}
