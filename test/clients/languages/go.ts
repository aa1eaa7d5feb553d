/** The Go example with grpc-go; its generators come with go.mod. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { run } from "../../interop/support/run.ts";
import { builtGo } from "../support/examples.ts";
import { BUILD_MS, environment, expectedTour } from "../support/tour.ts";
import { toolchain } from "../support/toolchain.ts";

const go = toolchain("Go", "go", "version");

test.skipIf(go === undefined)(
  "grpc-go: a steered stream, a search, a typed error, a deadline",
  async () => {
    const folder = await builtGo(go!);
    const { code, out, err } = await run([join(folder, "tour")], { env: environment });
    expect({ code, err, out }).toEqual({ code: 0, err: "", out: await expectedTour("DeadlineExceeded") });
  },
  BUILD_MS,
);
