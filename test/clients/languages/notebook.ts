/** The notebook for researchers, executed against the shared server as Jupyter would. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { runOrThrow } from "../../interop/support/run.ts";
import { pythonWithPackages, ROOT } from "../../interop/support/toolchains.ts";
import { BUILD_MS, environment } from "../support/tour.ts";
import { toolchain } from "../support/toolchain.ts";

const NOTEBOOK = join(ROOT, "examples", "notebook", "steering.ipynb");
const python = toolchain("Python", "python3", "--version");

test.skipIf(python === undefined)(
  "the notebook reads what the server reads; its direction tells unseen texts apart and sets the tone of answers",
  async () => {
    const packages = (await pythonWithPackages("notebook"))!;
    const runner = join(import.meta.dir, "..", "programs", "run_notebook.py");
    const env = { ...environment, ...packages.env };
    const { cells, images, text, errors } = JSON.parse(
      (await runOrThrow([packages.python, runner, NOTEBOOK], { env })).out,
    );
    expect({ cells, images, errors }).toEqual({ cells: 5, images: 2, errors: "" });
    const number = (pattern: RegExp): number => Number(pattern.exec(text)?.[1]);
    expect(number(/server's: ([\d.]+)/)).toBeGreaterThan(0.9999);
    // Chance is 0.5.
    expect(number(/in order: ([\d.]+)/)).toBeGreaterThan(0.8);
    const tone = (dose: string): number => number(new RegExp(`dose ${dose}: tone ([\\d.]+)`));
    expect(tone("-0.05")).toBeLessThan(tone("0"));
    expect(tone("0.05")).toBeGreaterThan(tone("0"));
  },
  BUILD_MS,
);

test("the notebook is kept without outputs and counts of executions", async () => {
  const { cells } = await Bun.file(NOTEBOOK).json();
  const executed = cells.filter(
    (cell: { outputs?: unknown[]; execution_count?: number | null }) =>
      (cell.outputs?.length ?? 0) > 0 || (cell.execution_count ?? null) !== null,
  );
  expect(cells.length).toBeGreaterThan(5);
  expect(executed).toEqual([]);
});
