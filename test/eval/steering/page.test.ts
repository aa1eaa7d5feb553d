// The page of the lab's results says what the kept reports say, and nothing else.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { KEPT } from "../../../eval/src/results/kept.ts";
import { keptReports } from "../../../eval/src/steering/report-command.ts";
import { labMarkdown } from "../../../eval/src/steering/report.ts";
import { unaligned } from "../support/markdown.ts";

test("docs/steering-results.md is what the kept reports make it", () => {
  const page = readFileSync(join(KEPT, "..", "..", "docs", "steering-results.md"), "utf8");
  expect(unaligned(page)).toBe(unaligned(labMarkdown(keptReports())));
});
