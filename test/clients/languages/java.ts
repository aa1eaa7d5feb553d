/** The Java example with grpc-java; Maven brings protoc and its plugin. */
import { expect, test } from "bun:test";
import { run, runOrThrow } from "../../interop/support/run.ts";
import { BUILD_MS, environment, expectedTour } from "../support/tour.ts";
import { toolchain } from "../support/toolchain.ts";
import { builtExample } from "../support/workspace.ts";

const maven = toolchain("Maven with a JDK", "mvn", "--version");
const MAVEN_FLAGS = ["--quiet", "--batch-mode"];

test.skipIf(maven === undefined)(
  "grpc-java: a steered stream, a search, a typed error, a deadline",
  async () => {
    const cwd = await builtExample("java", maven!.version, (folder) =>
      runOrThrow([maven!.program, ...MAVEN_FLAGS, "compile"], { cwd: folder }),
    );
    const { code, out } = await run([maven!.program, ...MAVEN_FLAGS, "exec:java"], { cwd, env: environment });
    const plain = Bun.stripANSI(out);
    expect({ code, plain }).toEqual({ code: 0, plain: await expectedTour("DEADLINE_EXCEEDED") });
  },
  BUILD_MS,
);
