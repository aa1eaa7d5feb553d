/** The Go example with grpc-go; its generators come with go.mod. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { run, runOrThrow } from "../../interop/support/run.ts";
import { BUF } from "../../interop/support/toolchains.ts";
import { BUILD_MS, environment, expectedTour } from "../support/tour.ts";
import { toolchain } from "../support/toolchain.ts";
import { builtExample } from "../support/workspace.ts";

const go = toolchain("Go", "go", "version");

test.skipIf(go === undefined)(
  "grpc-go: a steered stream, a search, a typed error, a deadline",
  async () => {
    const folder = await builtExample("go", go!.version, async (cwd) => {
      await runOrThrow([BUF, "generate", "../../proto"], { cwd });
      await runOrThrow([go!.program, "build", "-o", "tour", "."], { cwd });
    });
    const { code, out, err } = await run([join(folder, "tour")], { env: environment });
    expect({ code, err, out }).toEqual({ code: 0, err: "", out: await expectedTour("DeadlineExceeded") });
  },
  BUILD_MS,
);
