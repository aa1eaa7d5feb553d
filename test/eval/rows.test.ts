// Rows and report from records made by hand: the numbers a reader can count, and a page that needs nothing else.

import { expect, test } from "bun:test";
import { renderReport } from "../../eval/src/report/html.ts";
import { markdownOf } from "../../eval/src/report/text.ts";
import { plainRow, rowsOf, sortRecords } from "../../eval/src/rows.ts";
import type { Record } from "../../eval/src/sample.ts";

const spent = { tokensGenerated: 40, tokensPrefilled: 90, tokensVerified: 4, wallMs: 10 };
const pool = (problem: string, right: boolean[], majority: boolean[]): Record => ({
  ...{ kind: "pool", key: `pool ${problem}`, problem, right, majority, ...spent },
  ...{ texts: right.map(String), tokens: right.map(() => 20) },
});
const greedy = (problem: string, right: boolean): Record => ({
  ...{ kind: "greedy", key: `greedy ${problem}`, problem, right: [right], majority: [right], ...spent },
  ...{ texts: [""], tokens: [20] },
});
const CANDIDATES = ["7", "7", "8", "9"].map((answer, at) => {
  return {
    text: answer,
    answer,
    score: 0.5,
    right: answer === "7",
    tokens: 10,
    isWhole: at < 3,
    hasStopped: true,
    meanLogprob: -1,
  };
});
const search = (problem: string, right: boolean): Record => ({
  ...{
    kind: "search",
    key: `search ${problem}`,
    problem,
    arm: "best-of-n/probe/2",
    text: "7",
    right,
    ...spent,
  },
  ...{ candidates: CANDIDATES, isDegraded: false, effectiveSampleSizes: [2, 1.5] },
  tree: [
    { id: 1, parent: 0, text: "3 + 4 = <7>\n", score: 0.5 },
    { id: 2, parent: 1, text: "Answer: 7", score: 0.9 },
  ],
});
const records = [
  ...[greedy("a", false), pool("a", [true, false, false], [true, true, false]), search("a", true)],
  ...[greedy("b", true), pool("b", [false, true, false], [false, false, false]), search("b", true)],
  // Not finished: no row counts it.
  greedy("c", true),
];
const arm = { strategy: "best-of-n", verifier: "probe", budget: 2 } as const;
const naming = () => ({ verifier: "state_probe", access: "learned" });
const sorted = sortRecords(records);
const rows = rowsOf({ model: "tiny", task: "sums" }, sorted, [arm], naming);

test("a row has exactly the fields of the result, counted over problems that have everything", () => {
  expect(plainRow(rows[0]!)).toEqual({
    ...{ model: "tiny", task: "sums", strategy: "best-of-n", verifier: "state_probe", access: "learned" },
    ...{
      budget: 2,
      n: 2,
      accuracy: 1,
      lower: 1,
      upper: 1,
      greedy: 0.5,
      passAt1: 1 / 3,
      passAtN: 1,
      majority: 0.5,
    },
    ...{ tokensGenerated: 40, tokensPrefilled: 90, wallMs: 10 },
  });
});

test("the comparison at equal tokens gives the majority as many samples as spend what was spent, verdicts included", () => {
  // 44 tokens were spent, two samples are 40: the majority gets three, and is wrong on both problems.
  expect(rows[0]?.overMajority).toEqual({ mean: 1, lower: 1, upper: 1 });
  expect(rows[0]?.headroom).toBe(1);
  // The exact checker finds a right one among the three, on both.
  expect(rows[0]?.overOracle).toEqual({ mean: 0, lower: 0, upper: 0 });
});

test("different answers are counted among candidates that came to their end", () => {
  expect(rows[0]?.distinct).toBe(2);
});

test("the tables as Markdown have a cell for every head, intervals in points", () => {
  const lines = markdownOf({ title: "sums", calibration: [], rows, advice: [] }).split("\n");
  const cells = lines.slice(2, 5).map((line) => line.split("|").length);
  expect(new Set(cells).size).toBe(1);
  expect(lines[4]).toContain("| 100.0 [100.0, 100.0] |");
});

test("the report is one page with its plots inside, labelled if it is a smoke test, and fetches nothing", () => {
  const report = renderReport({ title: "a <b>", isQuick: true, calibration: [], rows, sorted, advice: [] });
  const html = report["report.html"] ?? "";
  expect(Object.keys(report)).toEqual([
    "accuracy.svg",
    "effective-sample-size.svg",
    "search-tree.svg",
    "report.html",
  ]);
  expect(html.match(/<svg/g)?.length).toBe(3);
  expect(html).toContain("a &lt;b&gt;");
  expect(html).toContain("Its numbers are no result");
  expect(html.replaceAll('xmlns="http://www.w3.org/2000/svg"', "")).not.toMatch(
    /https?:|<script|<link|url\((?!#)/,
  );
});
