/** The Python examples: grpcio with stubs of grpcio-tools, the OpenAI SDK, activations in numpy. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { Site, TapPositions } from "#proto/trimtab/type/v1/program_pb.ts";
import { connectGateway } from "../../../cli/src/compose.ts";
import { run } from "../../interop/support/run.ts";
import { pythonWithPackages, ROOT } from "../../interop/support/toolchains.ts";
import { BUILD_MS, environment, expectedTour } from "../support/tour.ts";
import { toolchain } from "../support/toolchain.ts";

const TEXT = "The capital of France is";
const python = toolchain("Python", "python3", "--version");

/** Runs an example as a user would. */
async function example(file: string, ...words: string[]) {
  const environmentOfPackages = await pythonWithPackages();
  const command = [python!.program, join(ROOT, "examples", "python", file), ...words];
  return run(command, { env: { ...environment, ...environmentOfPackages!.env } });
}

test.skipIf(python === undefined)(
  "grpcio: a steered stream, a search, a typed error, a deadline",
  async () => {
    const { code, out, err } = await example("tour.py");
    expect({ code, err, out }).toEqual({ code: 0, err: "", out: await expectedTour("DEADLINE_EXCEEDED") });
  },
  BUILD_MS,
);

test.skipIf(python === undefined)(
  "the OpenAI SDK: the same, with codes and fields of its own API",
  async () => {
    const expected = (await expectedTour("passed")).replace(
      "FIELD_OUT_OF_RANGE in sampling.temperature",
      "field_out_of_range in temperature",
    );
    const { code, out, err } = await example("openai_tour.py");
    expect({ code, err, out }).toEqual({ code: 0, err: "", out: expected });
  },
  BUILD_MS,
);

test.skipIf(python === undefined)(
  "Python reads activations into numpy arrays: what the TypeScript client reads",
  async () => {
    const { code, out, err } = await example("capture.py", TEXT);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    const expected = await meanNorms(TEXT);
    const lines = out.trim().split("\n");
    expect(lines.length).toBe(expected.length);
    for (const [block, { mean, tokens }] of expected.entries()) {
      const [, number, found, rows] =
        /^block (\d+): ([\d.]+) over (\d+) tokens$/.exec(lines[block] ?? "") ?? [];
      expect([number, rows]).toEqual([`${block}`, `${tokens}`]);
      // numpy sums in f32.
      expect(Math.abs(Number(found) / mean - 1)).toBeLessThan(1e-5);
    }
  },
  BUILD_MS,
);

/** By block: the mean norm of the residual rows of a text. */
async function meanNorms(text: string): Promise<{ mean: number; tokens: number }[]> {
  const norms: number[][] = [];
  const taps = [{ site: Site.RESIDUAL, positions: TapPositions.RANGE }];
  const client = connectGateway(environment.TRIMTAB_ADDRESS);
  for await (const { activations } of client.capture({ input: { case: "text", value: text }, taps })) {
    for (const { layer, values } of activations) {
      const [rows = 0, width = 0] = values?.shape ?? [];
      const floats = new Float32Array(values?.data.slice().buffer ?? new ArrayBuffer(0));
      for (let row = 0; row < rows; row++) {
        const own = floats.subarray(row * width, (row + 1) * width);
        (norms[layer] ??= []).push(Math.sqrt(own.reduce((sum, value) => sum + value * value, 0)));
      }
    }
  }
  return norms.map((own) => ({ mean: own.reduce((a, b) => a + b, 0) / own.length, tokens: own.length }));
}
