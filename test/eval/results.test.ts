/** The page about searches says what the kept results say, and nothing else. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { KEPT, type KeptRow, keepRun, readKept } from "../../eval/src/results/kept.ts";
import { renderPage } from "../../eval/src/results/render.ts";
import { sortRecords } from "../../eval/src/rows.ts";
import type { Record, SearchRecord } from "../../eval/src/sample.ts";
import { unaligned } from "./support/markdown.ts";

const DOCS = join(KEPT, "..", "..", "docs");
const spent = { tokensGenerated: 40, tokensPrefilled: 90, tokensVerified: 4, wallMs: 10 };
const ROW: Omit<KeptRow, "strategy" | "source" | "right" | "distinctAnswers" | "sampleSizes"> = {
  ...{ model: "tiny", task: "sums", verifier: "partial_sums", access: "program", budget: 8, n: 4, arm: "x" },
  ...{ accuracy: 0.5, lower: 0.25, upper: 0.75, greedy: 0.25, passAt1: 0.1, passAtN: 0.4, majority: 0.2 },
  ...{ tokensGenerated: 300, tokensPrefilled: 0, wallMs: 1, headroom: 0.3, distinct: 2 },
  ...{ overMajority: { mean: 0.3, lower: 0.1, upper: 0.5 }, overOracle: undefined },
};
const RUN = {
  title: "t",
  command: "npm run eval -- scaling",
  rows: [
    { ...ROW, strategy: "filter", source: "process", right: [1, 1, 0, 1], distinctAnswers: [2, 2, 2, 2] },
    { ...ROW, strategy: "other", source: "erring", right: [0, 1, 0, 0], distinctAnswers: [1, 1, 1, 1] },
  ].map((row) => ({ ...row, sampleSizes: [8, 3.14] })),
};

test("numbers, tables and paired differences come from the result", () => {
  const shown = (text: string): string => renderPage(text, () => RUN);
  expect(shown("a {{of run filter/process/8 accuracy}} b")).toBe("a 50.0 % [25.0 %, 75.0 %] b");
  expect(shown("{{of run filter/process/8 passAt1}}, {{of run filter/process/8 n}}")).toBe("10.0 %, 4");
  expect(shown("{{of run filter/process/8 overMajority}}")).toBe("30.0 [10.0, 50.0]");
  expect(shown("{{over run filter/process/8 other/erring/8}}")).toStartWith("50.0 [");
  expect(shown("{{distinct run filter/process/8 other/erring/8}}")).toBe("1.00 [1.00, 1.00]");
  expect(shown("{{sizes run other/erring/8}}")).toBe("8.0, 3.1");
  const lines = shown("{{rows run}}").split("\n");
  expect(lines.length).toBe(4);
  expect(new Set(lines.map((line) => line.split("|").length)).size).toBe(1);
  expect(lines[3]).toContain("other + partial_sums, erring (program)");
});

test("tables of the bench show what was compared, and what stands alone", () => {
  const key = { model: "tiny", file: "same", threads: 1, context: 0, batch: 8 };
  const rows = [
    {
      ...{ ...key, metric: "wall", peer: "server 1", unit: "ms" },
      ...{ ours: 1234.5, theirs: 3000, ratio: 0.411, low: 0.3, high: 0.5, rounds: 4 },
    },
    {
      ...{ ...key, metric: "memory", peer: "none", unit: "MiB" },
      ...{ ours: 20.95, theirs: null, ratio: null, low: null, high: null, rounds: 1 },
    },
  ];
  expect(
    renderPage("{{bench search}}", () => ({ rows }))
      .split("\n")
      .slice(2),
  ).toEqual([
    "| wall, ms | server 1 | 1235 | 3000 | **0.41** (0.30 to 0.50) | 4 |",
    "| memory, MiB | none | 20.9 |  |  | 1 |",
  ]);
  expect(
    renderPage("{{measured search wall ratio}} of {{measured search wall theirs}}", () => ({ rows })),
  ).toBe("0.411 of 3000");
});

test("a number of any result is quoted by its path", () => {
  const read = () => ({ layer: 19, report: { auroc: 0.78249, rows: { fit: 200 } } });
  expect(renderPage("{{value probe report.auroc}}, {{value probe report.rows.fit}}", read)).toBe(
    "0.782, 200",
  );
  expect(() => renderPage("{{value probe report.rows}}", read)).toThrow("no number report.rows");
  expect(() => renderPage("{{value probe beans.auroc}}", read)).toThrow("no number beans.auroc");
});

test("a template that asks for what no result has is refused", () => {
  expect(() => renderPage("{{of run beam/process/8 accuracy}}", () => RUN)).toThrow(
    "t has no beam/process/8",
  );
  expect(() => renderPage("{{of run filter/process/8 beans}}", () => RUN)).toThrow("has no beans");
  expect(() => renderPage("{{beans run}}", () => RUN)).toThrow("there is no beans");
  expect(() => renderPage("{{rows nobody}}", (name) => readKept(KEPT, name))).toThrow("nobody");
});

test("a run keeps rightness and answers problem by problem, in one order for all arms", () => {
  const record = (problem: string, arm: string, right: boolean): SearchRecord => ({
    ...{
      key: `${problem} ${arm}`,
      problem,
      arm,
      kind: "search",
      text: "",
      right,
      isDegraded: false,
      ...spent,
    },
    ...{ candidates: [], tree: [], effectiveSampleSizes: [4, 2] },
  });
  const records: Record[] = [
    ...[record("b", "beam/process/8", true), record("a", "beam/process/8", false)],
    ...[record("a", "dvts/process/8", true), record("b", "dvts/process/8", false)],
    record("a", "lookahead/process/8", true),
  ];
  const arms = ["beam", "dvts", "lookahead"].map(
    (strategy) => ({ strategy, verifier: "process", budget: 8 }) as const,
  );
  const rows = arms.map(({ strategy }) => {
    const n = strategy === "lookahead" ? 1 : 2;
    return { ...ROW, strategy, n, arm: `${strategy}/process/8` };
  });
  const kept = keepRun("t", "c", arms, rows, sortRecords(records)).rows;
  expect(kept.map(({ strategy, right }) => [strategy, right])).toEqual([
    ["beam", [0, 1]],
    ["dvts", [1, 0]],
  ]);
  expect(kept[0]?.sampleSizes).toEqual([4, 2]);
});

test("docs/scaling-results.md is what its template and the results make it", () => {
  const template = readFileSync(join(KEPT, "scaling-results.template.md"), "utf8");
  const page = readFileSync(join(DOCS, "scaling-results.md"), "utf8");
  expect(unaligned(page)).toBe(unaligned(renderPage(template, (name) => readKept(KEPT, name))));
});
