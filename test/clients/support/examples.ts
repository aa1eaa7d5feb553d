/** Examples that more than one test runs, built by the commands of their language. */
import { runOrThrow } from "../../interop/support/run.ts";
import { BUF } from "../../interop/support/toolchains.ts";
import type { Toolchain } from "./toolchain.ts";
import { builtExample } from "./workspace.ts";

/** The folder of the Go example: stubs in `gen/`, the program `tour`. */
export function builtGo({ program, version }: Toolchain): Promise<string> {
  return builtExample("go", version, async (cwd) => {
    await runOrThrow([BUF, "generate", "../../proto"], { cwd });
    await runOrThrow([program, "build", "-o", "tour", "."], { cwd });
  });
}

/** The folder of the TypeScript example: stubs in `gen/`, the page in `dist/`. */
export function builtTypescript(): Promise<string> {
  return builtExample("typescript", Bun.version, async (cwd) => {
    await runOrThrow([BUF, "generate"], { cwd });
    await runOrThrow([process.execPath, "build", "index.html", "--outdir", "dist"], { cwd });
  });
}
