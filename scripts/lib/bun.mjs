// Finds the Bun this package pins. npm puts the program into a package of its own per platform; the install script of `bun` then
// moves it into `bun/bin`. Many npm settings skip install scripts, so both places are looked at, and so is every folder above,
// because an installed package's dependencies lie beside it.

import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { SetupFailure } from "./failure.mjs";
import { capture } from "./processes.mjs";
import { projectRoot, readPackage } from "./project.mjs";

const PLATFORM_NAMES = { win32: "windows" };
const CPU_NAMES = { arm64: "aarch64" };

/**
 * Finds the pinned Bun and asks it for its version.
 * @returns the path of the program.
 * @throws SetupFailure BUN_MISSING or BUN_WRONG_VERSION.
 */
export async function findBun() {
  const wanted = readPackage().dependencies.bun;
  // The single-file executable has no other Bun than itself.
  if (process.versions.bun === wanted) return process.execPath;
  const seen = [];
  for (const path of candidates()) {
    const { code, stdout } = await capture(path, ["--version"]);
    if (code === 0 && stdout.trim() === wanted) return path;
    seen.push(`${path}: ${code === 0 ? `version ${stdout.trim()}` : `does not run (code ${code})`}`);
  }
  throw new SetupFailure(
    seen.length > 0 ? "BUN_WRONG_VERSION" : "BUN_MISSING",
    seen.length > 0 ? `no Bun ${wanted} among:\n  ${seen.join("\n  ")}` : `Bun ${wanted} is not installed`,
    "Delete node_modules and run the command again (optional dependencies must not be omitted).",
  );
}

function candidates() {
  const found = [];
  for (const folder of modulesFolders()) {
    const own = join(folder, "@oven");
    const prefix = `bun-${PLATFORM_NAMES[process.platform] ?? process.platform}-${CPU_NAMES[process.arch] ?? process.arch}`;
    const names = existsSync(own) ? readdirSync(own).filter((name) => name.startsWith(prefix)) : [];
    for (const name of names.sort()) {
      found.push(join(own, name, "bin", process.platform === "win32" ? "bun.exe" : "bun"));
    }
    found.push(join(folder, "bun", "bin", "bun.exe"));
  }
  return found.filter((path) => existsSync(path));
}

function* modulesFolders() {
  for (let folder = projectRoot; ; folder = dirname(folder)) {
    yield join(folder, "node_modules");
    if (folder === dirname(folder)) return;
  }
}
