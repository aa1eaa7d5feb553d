// Installs the npm packages of the lockfile, once. Whether that is done is read from what is there, not from a stamp: npm keeps a
// lockfile of what it installed inside node_modules, and that must agree with ours. Cost when done: two small files, ~2 ms.

import { existsSync, readFileSync } from "node:fs";
import { SetupFailure } from "./failure.mjs";
import { withLock } from "./lock.mjs";
import { capture } from "./processes.mjs";
import { inProject } from "./project.mjs";
import { say, startStep } from "./terminal.mjs";

/** Runs `npm ci` unless node_modules already holds what package-lock.json asks for. */
export async function ensurePackages() {
  if (arePackagesInstalled()) return;
  const onWait = () => say("waiting for another process that installs packages");
  await withLock(
    inProject("build", "install.lock"),
    async () => {
      if (!arePackagesInstalled()) await install();
    },
    onWait,
  );
}

async function install() {
  const step = startStep("installing packages from the lockfile");
  const isWindows = process.platform === "win32";
  const npm = isWindows ? "npm.cmd" : "npm";
  const args = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
  const result = await capture(npm, args, { cwd: inProject(), shell: isWindows });
  if (result.code === 0 && arePackagesInstalled()) {
    step.end("packages installed");
    return;
  }
  step.fail("npm ci");
  say(result.output.trimEnd());
  throw new SetupFailure(
    result.code === 127 ? "NPM_MISSING" : "INSTALL_FAILED",
    result.code === 127 ? "npm was not found" : `npm ci ended with code ${result.code}`,
    "Trimtab needs npm and a reachable package registry for its first run.",
  );
}

function arePackagesInstalled() {
  const wanted = readLock(inProject("package-lock.json"));
  const present = readLock(inProject("node_modules", ".package-lock.json"));
  if (!wanted || !present) return false;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === "") return true;
    if (!present[path]) return Boolean(entry.optional);
    return present[path].version === entry.version && existsSync(inProject(path, "package.json"));
  });
}

function readLock(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8")).packages;
  } catch {
    return undefined;
  }
}
