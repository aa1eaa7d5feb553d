/** The worked example of docs/extending-family.md, taken from the page and compared with llama.cpp. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Family } from "../../services/forward/src/families/family.ts";
import { lookInside } from "../oracle/llama-watch.ts";
import { computeInside } from "../support/family-forward.ts";
import { familyModels, VOCABULARY, writeFamilyModel } from "../support/family-models.ts";
import { nmse } from "../support/nmse.ts";
import { createRandom } from "../support/synthetic-model.ts";

setDefaultTimeout(120_000);
const ROOT = join(import.meta.dir, "..", "..");
const FAMILIES = join(ROOT, "services", "forward", "src", "families");
const LARGEST_ERROR = 1e-6;
const folder = mkdtempSync(join(tmpdir(), "trimtab-family-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("the example of the page computes what llama.cpp computes; with the one line it changes left out it does not", async () => {
  const page = await Bun.file(join(ROOT, "docs", "extending-family.md")).text();
  const [, code = ""] = /```ts\n([\s\S]*?)```/.exec(page) ?? [];
  const file = join(folder, "exaone.ts");
  await Bun.write(file, code.replaceAll('from "./', `from "${FAMILIES}/`));
  const { exaone } = (await import(file)) as { exaone: Family };
  const { otherTensors: _, ...llama3 } = familyModels.llama3;
  const model = { ...llama3, architecture: "exaone" };
  const random = createRandom(5);
  const ids = Array.from({ length: 64 }, () => Math.floor(((random() + 1) / 2) * VOCABULARY));
  const path = await writeFamilyModel(model);
  const exact = await lookInside(path, ids, model.heads);
  const ours = await computeInside(path, ids, { family: exaone });
  expect(nmse(ours.residuals, exact.residuals)).toBeLessThan(LARGEST_ERROR);
  expect(nmse(ours.logits, exact.logits)).toBeLessThan(LARGEST_ERROR);
  const wrong = await computeInside(path, ids, { family: { ...exaone, ropeInterleaved: true } });
  expect(nmse(wrong.logits, exact.logits)).toBeGreaterThan(100 * LARGEST_ERROR);
});
