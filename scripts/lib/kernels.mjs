// Compiles the kernels (AssemblyScript to WebAssembly). kernels/build.mjs decides itself whether there is anything to do.

import { existsSync } from "node:fs";
import { SetupFailure } from "./failure.mjs";
import { withLock } from "./lock.mjs";
import { capture } from "./processes.mjs";
import { inProject } from "./project.mjs";
import { say, startStep } from "./terminal.mjs";

/**
 * Builds build/kernels.
 * @throws SetupFailure KERNELS_FAILED when the compiler reports errors.
 */
export async function ensureKernels() {
  const script = inProject("kernels", "build.mjs");
  if (!existsSync(script)) throw new SetupFailure("KERNELS_FAILED", `${script} does not exist`);
  const lock = inProject("build", "kernels.lock");
  await withLock(
    lock,
    () => build(script),
    () => say("waiting for another process that builds the kernels"),
  );
}

async function build(script) {
  const step = startStep("compiling the kernels");
  const result = await capture(process.execPath, [script], { cwd: inProject() });
  if (result.code !== 0) {
    step.fail();
    say(result.output.trimEnd());
    throw new SetupFailure("KERNELS_FAILED", `kernels/build.mjs ended with code ${result.code}`);
  }
  const isFresh = result.durationMs < 1_000;
  if (isFresh) step.clear();
  else step.end("kernels compiled");
}
