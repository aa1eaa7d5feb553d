// Makes the single-file executable build/trimtab: Bun, with the package and the dependencies it ships in an archive (cli/executable.ts
// unpacks it). Cost: ~15 s; ~150 MB.

import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { SetupFailure } from "./failure.mjs";
import { capture } from "./processes.mjs";
import { inProject, readPackage } from "./project.mjs";

const NPM = process.platform === "win32" ? "npm.cmd" : "npm";
/** Bun itself is what the archive lies in. */
const LEFT_OUT_PACKAGES = /^node_modules\/(bun|@oven\/.*|@types\/.*)$/;
/** What is not read at run time. Licences stay. */
const LEFT_OUT_FILES = /\.(map|d\.[cm]?ts|flow)$/;
/** Of onnxruntime-web only the build that Bun loads, of twenty. */
const ONNX_FILES = /(ort\.node\.min\.mjs|ort-wasm-simd-threaded\.(mjs|wasm))$/;
const ONNX_FOLDER = "node_modules/onnxruntime-web/dist/";

/**
 * Builds it.
 * @param bun path of the pinned Bun.
 * @returns the path of the executable.
 * @throws SetupFailure EXECUTABLE_FAILED.
 */
export async function buildExecutable(bun) {
  const folder = inProject("build", "executable");
  const stage = join(folder, "package");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(stage, { recursive: true });
  for (const path of ["package.json", ...readPackage().files, ...(await listDependencies())])
    copy(path, stage);
  const payload = join(folder, "payload.tar.gz");
  await step("tar", ["-czf", payload, "-C", stage, "."]);
  const digest = createHash("sha256").update(readFileSync(payload)).digest("hex").slice(0, 16);
  const target = inProject("build", process.platform === "win32" ? "trimtab.exe" : "trimtab");
  const flags = ["--define", `PAYLOAD_DIGEST=${JSON.stringify(digest)}`, "--asset", payload];
  const quiet = ["--no-compile-autoload-dotenv", "--no-compile-autoload-bunfig"];
  await step(bun, [
    "build",
    "--compile",
    inProject("cli", "executable.ts"),
    ...flags,
    ...quiet,
    "--outfile",
    target,
  ]);
  rmSync(folder, { recursive: true, force: true });
  return target;
}

/** Folders of the packages that ship, relative to the project. */
async function listDependencies() {
  const args = ["ls", "--omit=dev", "--all", "--parseable"];
  const { stdout } = await capture(NPM, args, { cwd: inProject(), shell: process.platform === "win32" });
  return stdout
    .trim()
    .split("\n")
    .map((path) => relative(inProject(), path).replaceAll("\\", "/"))
    .filter((path) => path.startsWith("node_modules/") && !LEFT_OUT_PACKAGES.test(path));
}

function copy(path, stage) {
  if (!existsSync(inProject(path))) throw new SetupFailure("EXECUTABLE_FAILED", `${path} does not exist`);
  const filter = (source) => {
    const name = relative(inProject(), source).replaceAll("\\", "/");
    if (name.startsWith(ONNX_FOLDER)) return ONNX_FILES.test(name);
    // Packages inside packages are listed by themselves.
    if (name !== path && name.endsWith("/node_modules")) return false;
    return !name.startsWith("node_modules/") || !LEFT_OUT_FILES.test(name);
  };
  cpSync(inProject(path), join(stage, path), { recursive: true, filter });
}

async function step(program, args) {
  const { code, output } = await capture(program, args, { cwd: inProject() });
  if (code !== 0)
    throw new SetupFailure("EXECUTABLE_FAILED", `${program} ended with code ${code}`, output.trim());
}
