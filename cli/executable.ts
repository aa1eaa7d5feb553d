/**
 * What the single-file executable runs: the package and its dependencies lie in it as an archive, which is unpacked into the cache
 * once a version; then the file serves as Bun for the program in there, and for the processes that program starts. Workers, kernels,
 * the page and WebAssembly of packages are files on disk, as everywhere else. Cost: 2 s the first time, ~50 ms and one waiting
 * process after that.
 */
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { cacheDir } from "#kit/paths.ts";

/** Digest of the archive, written in by the build. */
declare const PAYLOAD_DIGEST: string;

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;

/** Unpacks the archive unless that has been done. @returns the package's folder. */
async function unpacked(): Promise<string> {
  const parent = join(cacheDir(), "executable");
  const folder = join(parent, PAYLOAD_DIGEST);
  if (existsSync(folder)) return folder;
  mkdirSync(parent, { recursive: true });
  const scratch = mkdtempSync(join(parent, "unpacking-"));
  await new Bun.Archive(await Bun.file(join(import.meta.dir, "payload.tar.gz")).bytes()).extract(scratch);
  try {
    renameSync(scratch, folder);
  } catch (error) {
    // Another process may have been faster.
    rmSync(scratch, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
  return folder;
}

const program = join(await unpacked(), "scripts", "trimtab.mjs");
const child = Bun.spawn([process.execPath, program, ...process.argv.slice(2)], {
  env: { ...process.env, BUN_BE_BUN: "1" },
  stdio: ["inherit", "inherit", "inherit"],
});
for (const signal of SIGNALS) process.on(signal, () => child.kill(signal));
await child.exited;
process.exit(child.signalCode === null ? (child.exitCode ?? 1) : 1);
