/** The worked example of docs/extending.md, taken from the page and run. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Strategy } from "../../../gateway/src/strategies/strategy.ts";
import { createChain } from "./support/chains.ts";
import { accuracy } from "./support/run.ts";

const ROOT = join(import.meta.dir, "..", "..", "..");
const STRATEGIES = join(ROOT, "gateway", "src", "strategies");
const folder = mkdtempSync(join(tmpdir(), "trimtab-extending-"));
const PROBLEMS = 80;

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("the example of the page runs as it stands and does what it says", async () => {
  const page = await Bun.file(join(ROOT, "docs", "extending.md")).text();
  const [, code = ""] = /```ts\n([\s\S]*?)```/.exec(page) ?? [];
  expect(code.split("\n").length).toBeLessThan(150);
  const file = join(folder, "race.ts");
  await Bun.write(file, code.replaceAll('from "./', `from "${STRATEGIES}/`));
  const { race } = (await import(file)) as { race: Strategy };
  const hard = createChain([0.5, 0.5, 0.5, 0.5, 0.5]);
  const samples = await accuracy("best-of-n", hard, PROBLEMS);
  const raced = await accuracy(race, hard, PROBLEMS);
  expect(raced.tokens).toBeLessThan(0.75 * samples.tokens);
  // Without forks it finds no more than best-of-n does, and spends less on it.
  expect(raced.accuracy).toBeGreaterThan(samples.accuracy - 0.1);
});
