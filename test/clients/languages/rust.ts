/** The Rust example with tonic. What it depends on is compiled once a lockfile, the example once a change of it or the schema. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { run, runOrThrow } from "../../interop/support/run.ts";
import { cacheFolder, keyOf, ROOT } from "../../interop/support/toolchains.ts";
import { BUILD_MS, environment, expectedTour } from "../support/tour.ts";
import { toolchain } from "../support/toolchain.ts";
import { builtExample } from "../support/workspace.ts";

const cargo = toolchain("Rust", "cargo", "--version");

test.skipIf(cargo === undefined)(
  "tonic: a steered stream, a search, a typed error, a deadline",
  async () => {
    const folder = await builtExample("rust", cargo!.version, async (cwd) => {
      const lock = readFileSync(join(ROOT, "examples", "rust", "Cargo.lock"), "utf8");
      const target = join(cacheFolder(), `rust-target-${keyOf(cargo!.version, lock)}`);
      await runOrThrow([cargo!.program, "build", "--locked", "--quiet"], {
        cwd,
        env: { CARGO_TARGET_DIR: target },
      });
      await copyFile(join(target, "debug", "example"), join(cwd, "tour"));
    });
    const { code, out, err } = await run([join(folder, "tour")], { env: environment });
    // Its own clock calls a passed deadline cancelled; the server's answer may come first.
    const deadline = out.includes("deadline: Cancelled") ? "Cancelled" : "DeadlineExceeded";
    expect({ code, err, out }).toEqual({ code: 0, err: "", out: await expectedTour(deadline) });
  },
  BUILD_MS,
);
