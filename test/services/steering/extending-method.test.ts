/** The worked example of docs/extending-method.md, taken from the page and run. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ContrastRows, DirectionMethod } from "../../../services/steering/src/methods/method.ts";
import { responseContrast } from "../../../services/steering/src/methods/response-contrast.ts";
import { createRandom } from "../../support/synthetic-model.ts";

const ROOT = join(import.meta.dir, "..", "..", "..");
const METHODS = join(ROOT, "services", "steering", "src", "methods");
const folder = mkdtempSync(join(tmpdir(), "trimtab-method-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const WIDTH = 32;
const EXAMPLES = 20;
const LAYER = 3;
const random = createRandom(7);
const noise = () => Float32Array.from({ length: WIDTH }, () => 0.1 * random());
/** Positive rows lie at +1 in the first coordinate; one of them is far away in the last. */
const positive = Array.from({ length: EXAMPLES }, (_, index) => {
  const row = noise();
  row[0] = 1 + (row[0] ?? 0);
  if (index === 0) row[WIDTH - 1] = 100;
  return new Map([[LAYER, row]]);
});
const negative = Array.from({ length: EXAMPLES }, () => new Map([[LAYER, noise()]]));
const rows: ContrastRows = { positive, negative };

/** Cosine with the direction that was planted. */
function truth(method: DirectionMethod): number {
  const vector = method.fit(rows, LAYER + 1).get(LAYER) ?? new Float32Array(WIDTH);
  return (vector[0] ?? 0) / Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0));
}

test("the example of the page runs as it stands, and finds the direction that one odd example hides from the mean", async () => {
  const page = await Bun.file(join(ROOT, "docs", "extending-method.md")).text();
  const [, code = ""] = /```ts\n([\s\S]*?)```/.exec(page) ?? [];
  const file = join(folder, "median-contrast.ts");
  await Bun.write(file, code.replaceAll('from "./', `from "${METHODS}/`));
  const { medianContrast } = (await import(file)) as { medianContrast: DirectionMethod };
  expect(Object.keys(medianContrast).toSorted()).toEqual(Object.keys(responseContrast).toSorted());
  expect(truth(medianContrast)).toBeGreaterThan(0.98);
  expect(truth(responseContrast)).toBeLessThan(0.5);
});
