// Installs what the oracles need (numpy, the gguf package, llama.cpp's library) into the cache, once, and prints where it is:
// `{"python": command, "path": folder for PYTHONPATH, "libraries": folder of llama.cpp's shared objects or null}`.
// `pip install --target` leaves the system alone and works where Python is marked as externally managed.
// Cost: 20 MB downloaded once; afterwards one look at a stamp file.

import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runMain, SetupFailure } from "../../scripts/lib/failure.mjs";
import { withLock } from "../../scripts/lib/lock.mjs";
import { capture } from "../../scripts/lib/processes.mjs";
import { cacheFolder } from "../../scripts/model.mjs";
import { ensureLlama } from "./llama-library.mjs";

/** The newest numpy with wheels for each range of Python 3 minor versions. */
const NUMPY = [
  { from: 11, requirement: "numpy==2.4.6" },
  { from: 10, requirement: "numpy==2.2.6" },
  { from: 9, requirement: "numpy==2.0.2" },
];
/** An independent reader of every tensor type; needs numpy. */
const GGUF = "gguf==0.17.1";
const PYTHONS = ["python3", "python"];
const SHOWN_LINES = 12;

const root = join(cacheFolder(), "python");
const stamp = join(root, "oracle.json");

/**
 * Makes sure that the Python packages are there.
 * @returns `{ python, path }`: the command and the folder to put on PYTHONPATH.
 * @throws SetupFailure PYTHON_MISSING, DOWNLOAD_FAILED.
 */
async function ensurePackages() {
  const known = readStamp();
  if (known) return known;
  mkdirSync(root, { recursive: true });
  return withLock(`${stamp}.lock`, async () => readStamp() ?? (await install()));
}

function readStamp() {
  try {
    const known = JSON.parse(readFileSync(stamp, "utf8"));
    const isWhole = ["numpy", "gguf"].every((name) => existsSync(join(known.path, name, "__init__.py")));
    return isWhole ? known : undefined;
  } catch {
    return undefined;
  }
}

async function install() {
  const { python, minor } = await findPython();
  const numpy = NUMPY.find(({ from }) => minor >= from)?.requirement;
  if (!numpy) throw new SetupFailure("PYTHON_MISSING", `Python 3.${minor} is too old, 3.9 is needed`);
  const requirements = [numpy, GGUF];
  const path = join(root, [`3.${minor}`, ...requirements].join("-").replaceAll("==", "-"));
  const scratch = `${path}.${process.pid}`;
  const options = ["--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "--no-input", "-q"];
  const args = ["-m", "pip", "install", ...options, "--target", scratch, ...requirements];
  const { code, output } = await capture(python, args, { env: { ...process.env, PIP_USER: "0" } });
  if (code !== 0) {
    rmSync(scratch, { recursive: true, force: true });
    const shown = output.trimEnd().split("\n").slice(-SHOWN_LINES).join("\n");
    throw new SetupFailure(
      "DOWNLOAD_FAILED",
      `pip install ${requirements.join(" ")} ended with code ${code}`,
      shown,
    );
  }
  rmSync(path, { recursive: true, force: true });
  renameSync(scratch, path);
  const known = { python, path };
  writeFileSync(`${stamp}.tmp`, `${JSON.stringify(known)}\n`);
  renameSync(`${stamp}.tmp`, stamp);
  return known;
}

async function findPython() {
  for (const python of PYTHONS) {
    const { code, stdout } = await capture(python, ["-c", "import sys, pip; print(*sys.version_info[:2])"]);
    const [major, minor] = stdout.trim().split(" ").map(Number);
    if (code === 0 && major === 3) return { python, minor };
  }
  throw new SetupFailure(
    "PYTHON_MISSING",
    "Python 3 with pip was not found; the tests need it for their references",
    "Install it (on Debian: python3-pip).",
  );
}

await runMain(async () => {
  const found = { ...(await ensurePackages()), libraries: await ensureLlama() };
  process.stdout.write(`${JSON.stringify(found)}\n`);
});
