// A Chromium for the peers that run in browsers: the system's, or Debian's package, which is installed when we may. Cost: 100 MB
// downloaded, 300 MB of disk.

import { spawnSync } from "node:child_process";
import { SetupFailure } from "../lib/failure.mjs";
import { capture } from "../lib/processes.mjs";

const PROGRAMS = ["chromium", "chromium-browser", "google-chrome"];
const SHOWN_LINES = 12;

/** What is there: `{ path, version }`, or `{ absent }` with the reason. */
export function findChromium() {
  for (const program of PROGRAMS) {
    const { status, stdout } = spawnSync(program, ["--version"], { encoding: "utf8" });
    if (status !== 0) continue;
    const path = spawnSync("which", [program], { encoding: "utf8" }).stdout.trim();
    return { path, version: /\d+[\d.]*/.exec(stdout)?.[0] ?? stdout.trim() };
  }
  return { absent: "no Chromium: npm run bench:peers -- chromium (Debian, as root), or install one" };
}

/**
 * Installs Debian's package unless there is a Chromium.
 * @throws SetupFailure TOOLS_MISSING, INSTALL_FAILED.
 */
export async function ensureChromium() {
  if (!findChromium().absent) return;
  if ((await capture("apt-get", ["--version"])).code !== 0 || process.getuid?.() !== 0) {
    throw new SetupFailure(
      "TOOLS_MISSING",
      "Chromium was not found",
      "Install it with the system's packages.",
    );
  }
  await run(["update", "-q"]);
  await run(["install", "-q", "-y", "--no-install-recommends", "chromium"]);
}

async function run(args) {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const { code, output } = await capture("apt-get", args, { env });
  if (code === 0) return;
  const shown = output.trimEnd().split("\n").slice(-SHOWN_LINES).join("\n");
  throw new SetupFailure("INSTALL_FAILED", `apt-get ${args[0]} ended with code ${code}`, shown);
}
