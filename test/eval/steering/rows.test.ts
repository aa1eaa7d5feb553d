// Rows and report from judged answers made by hand: the fields of the result, the paired comparison, and a page that needs nothing else.

import { expect, test } from "bun:test";
import { comparePrimary } from "../../../eval/src/steering/comparison.ts";
import type { Outcome } from "../../../eval/src/steering/judge.ts";
import { BASE } from "../../../eval/src/steering/method.ts";
import { labHtml, labMarkdown, type LabReport } from "../../../eval/src/steering/report.ts";
import { type JudgedPrompt, plainRow, type ReportRow, rowOf } from "../../../eval/src/steering/rows.ts";
import { verdictsOf } from "../../../eval/src/steering/verdicts.ts";
import { wilson } from "../../../eval/src/binomial.ts";

const judged = (name: "harmful" | "harmless", outcomes: readonly Outcome[]): JudgedPrompt[] =>
  outcomes.map((outcome, at) => ({
    prompt: { id: `${name}-${at}`, text: "", family: "", split: "test", class: name, kind: "matched" },
    answer: { key: "", text: "", tokens: 4, ended: true, msPerToken: 10 + at, relativeChange: 0 },
    judgement: { outcome, repetition: outcome === "incoherent" ? 1 : 0 },
  }));

function rowWith(method: string, primary: string | undefined, refusals: number): ReportRow {
  const outcomes = Array.from({ length: 60 }, (_, at): Outcome =>
    at < refusals ? "policy_refusal" : "complies",
  );
  const harmless: Outcome[] = ["complies", "policy_refusal", "incapability", "incoherent"];
  return rowOf(
    { model: "tiny", recipe: "refusal", gate: "none", method, site: "residual" },
    { part: "rival", primary, dose: 1, choice: undefined, nllRatio: 1.1, nllRatioOpen: 1.3, otherRatio: 0.9 },
    [...judged("harmful", outcomes), ...judged("harmless", harmless)],
  );
}
const rows = [rowWith("ours", "ours", 50), rowWith("same", "same", 50), rowWith("worse <b>", "worse", 20)];

test("a row has exactly the fields of the result; whatever is no answer is a false effect", () => {
  expect(plainRow(rows[0]!)).toEqual({
    ...{ model: "tiny", recipe: "refusal", gate: "none", method: "ours", site: "residual" },
    ...{
      effect: wilson(50, 60),
      falseEffect: wilson(3, 4),
      nllRatio: 1.1,
      repetition: 1 / 64,
      msPerToken: 38,
    },
  });
});

test("the comparison pairs prompts: equal rows do not differ, clear ones do after correction", () => {
  const [same, worse] = comparePrimary(rows);
  expect(same).toMatchObject({ rival: "same", difference: { mean: 0 }, adjustedP: 1 });
  expect(worse?.difference.mean).toBe(0.5);
  expect(worse?.adjustedP).toBeLessThan(0.001);
  expect(comparePrimary(rows.slice(1))).toEqual([]);
});

test("report and page carry the same tables, a smoke test is labelled, nothing is fetched", () => {
  const report: LabReport = {
    ...{
      title: "a <b>",
      model: "tiny",
      isQuick: true,
      rows,
      comparisons: comparePrimary(rows),
      setting: "made up",
    },
    gates: [{ name: "controller", reads: "activations", auroc: 0.95, aurocMatched: 0.9 }],
    methods: [BASE],
    ...{ judge: [], missing: ["cast × cast: refused"], deviations: ["short answers"] },
  };
  const html = labHtml(report);
  expect(html).toContain("Its numbers are no result");
  expect(html).toContain("worse &lt;b&gt;");
  expect(html.replaceAll('xmlns="http://www.w3.org/2000/svg"', "")).not.toMatch(
    /https?:|<script|<link|url\((?!#)/,
  );
  const page = labMarkdown([report, { ...report, model: "other", title: "of a second model" }]);
  expect(page).toContain("of a second model");
  expect(page).not.toContain("One model");
  expect(labMarkdown([report])).toContain("One model");
  expect(() => labMarkdown([report, { ...report, title: "again" }])).toThrow("two reports are of tiny");
  for (const text of ["83.3 % [72.0, 90.7]", "cast × cast: refused", "short answers", BASE.description]) {
    expect(html).toContain(text);
    expect(page).toContain(text);
  }
});

test("claims are confirmed or not by the numbers in the rows", () => {
  const verdicts = verdictsOf(rows, comparePrimary(rows), [
    { name: "controller", reads: "activations", auroc: 0.95, aurocMatched: 0.9 },
    { name: "tf-idf", reads: "text", auroc: 0.94, aurocMatched: 0.9 },
  ]);
  const ofQwen = verdictsOf([{ ...rows[0]!, model: "qwen2.5-coder" }], [], []);
  expect([verdicts[0]?.claim, ofQwen[0]?.claim].map((claim) => /\d\d\.\d/.exec(claim ?? "")?.[0])).toEqual([
    "85.0",
    "90.0",
  ]);
  const confirmed = verdicts.filter(({ isConfirmed }) => isConfirmed).map(({ claim }) => claim);
  expect(confirmed).toEqual(["Ours refuses more harmful prompts than worse."]);
  expect(verdicts.at(-1)?.because).toContain("within 0.02");
});
