/** The report of a run: HTML for reading, Markdown for the documentation, lines for the terminal; the same tables in each. */
import { escapeHtml, htmlPage, htmlTable } from "../report/page.ts";
import { alignColumns } from "../report/columns.ts";
import { markdownTable } from "../report/markdown.ts";
import { effectChart } from "./chart.ts";
import type { Comparison } from "./comparison.ts";
import type { NamedErrors } from "./labels.ts";
import { judgeLines } from "./labels.ts";
import type { GateQuality } from "./gate-quality.ts";
import type { MethodNote } from "./method.ts";
import type { ReportRow } from "./rows.ts";
import { EQUAL_HEAD, equalRows, STRENGTH_HEAD, strengthCells, type StrengthPoint } from "./strengths.ts";
import {
  CHOICE_HEAD,
  choiceCells,
  COMPARISON_HEAD,
  comparisonCells,
  GATE_HEAD,
  gateCells,
  METHOD_HEAD,
  methodCells,
  OUTCOME_HEAD,
  outcomeCells,
  overshootLines,
  ROW_HEAD,
  rowCells,
} from "./table.ts";
import { betterLines, verdictsOf } from "./verdicts.ts";

/** What is reported. */
export interface LabReport {
  readonly title: string;
  readonly model: string;
  readonly isQuick: boolean;
  readonly rows: readonly ReportRow[];
  readonly comparisons: readonly Comparison[];
  readonly gates: readonly GateQuality[];
  readonly methods: readonly MethodNote[];
  /** Methods and doses at their strengths; a report written before there were any has none. */
  readonly strengths?: readonly StrengthPoint[];
  /** Errors of the judge by set of labels. */
  readonly judge: readonly NamedErrors[];
  /** Sizes of the prompt sets and lengths, in a sentence. */
  readonly setting: string;
  /** Where the run departs from the protocol. */
  readonly deviations: readonly string[];
  /** Arms that could not be run, with the reason. */
  readonly missing: readonly string[];
}

interface Section {
  readonly title: string;
  readonly head?: readonly string[];
  readonly rows?: readonly (readonly string[])[];
  readonly lines?: readonly string[];
}

const NOTES = [
  "Effect: coherent refusals on principle. False effect: whatever is not an answer (refusal, incapability, incoherence). " +
    "Intervals: 95 %, Wilson. NLL ratio: nats a byte of fixed passages over those of the base, gates as emitted. " +
    "Milliseconds a token: median, thirty-two answers at once.",
];
const CHOICE_NOTE =
  "Rates on development prompts, on which doses and thresholds were chosen and frozen before the test prompts were answered. Controls " +
  "act at the strength of ours. Where the bound is not met, counting stopped at the first excess: what stands there is the least it can be.";

/** The tables in a reader's order. */
function sectionsOf(report: LabReport): Section[] {
  const claims = verdictsOf(report.rows, report.comparisons, report.gates);
  const spelled = (isConfirmed: boolean): string[] => {
    const some = claims.filter((one) => one.isConfirmed === isConfirmed);
    return some.length === 0 ? ["Nothing."] : some.map(({ claim, because }) => `${claim} (${because})`);
  };
  return [
    { title: "Confirmed", lines: spelled(true) },
    { title: "Not confirmed", lines: spelled(false) },
    { title: "Better than ours", lines: orNone(betterLines(report.rows)) },
    { title: "Deviations from the protocol", lines: orNone(report.deviations) },
    { title: "Arms", head: ROW_HEAD, rows: report.rows.map(rowCells), lines: [report.setting, ...NOTES] },
    {
      title: "Strengths and the prompts they were chosen on",
      ...{ head: CHOICE_HEAD, rows: report.rows.flatMap(choiceCells), lines: [CHOICE_NOTE] },
    },
    {
      title: "Primary comparison",
      ...(report.comparisons.length === 0
        ? { lines: ["Not run: rivals or ours are missing."] }
        : { head: COMPARISON_HEAD, rows: report.comparisons.map(comparisonCells) }),
    },
    { title: "Gates", head: GATE_HEAD, rows: report.gates.map(gateCells) },
    { title: "Methods", head: METHOD_HEAD, rows: report.methods.map(methodCells) },
    ...strengthSections(report.strengths ?? []),
    { title: "Harmful prompts by outcome", head: OUTCOME_HEAD, rows: report.rows.map(outcomeCells) },
    { title: "Judge", lines: judgeLines(report.judge) },
    { title: "Over the bound on test prompts", lines: orNone(overshootLines(report.rows)) },
    { title: "Not run", lines: orNone(report.missing) },
  ];
}

function strengthSections(strengths: readonly StrengthPoint[]): Section[] {
  if (strengths.length === 0) return [];
  const note =
    "Coherent refusals of harmful development prompts, gate open, at the same ‖Δ‖/‖h‖ of the changed rows, and at the same mean KL " +
    "on harmless passages; between the doses tried, on a line in the logarithm of the strength. –: not reached by a dose that was tried.";
  return [
    { title: "At equal strength", head: EQUAL_HEAD, rows: equalRows(strengths), lines: [note] },
    { title: "Strength of the doses", head: STRENGTH_HEAD, rows: strengths.map(strengthCells) },
  ];
}

const orNone = (lines: readonly string[]): readonly string[] => (lines.length > 0 ? lines : ["None."]);

/** One self-contained page. */
export function labHtml(report: LabReport): string {
  const body = sectionsOf(report).map(
    ({ title, head, rows = [], lines = [] }) =>
      `<h2>${escapeHtml(title)}</h2>${head ? htmlTable(head, rows) : ""}` +
      lines.map((line) => `<p>${escapeHtml(line)}</p>`).join(""),
  );
  const chart = `<figure>${effectChart(report.rows)}<figcaption>Effect against false effect</figcaption></figure>`;
  return htmlPage({ title: report.title, isQuick: report.isQuick, body: [...body, chart].join("\n") });
}

/**
 * A page of the documentation: the reports of one run a model.
 * @throws Error if two of them are of one model: a page that shows both would let a reader choose.
 */
export function labMarkdown(reports: readonly LabReport[]): string {
  const models = reports.map(({ model }) => model);
  const twice = models.find((model, at) => models.indexOf(model) !== at);
  if (twice !== undefined) throw new Error(`two reports are of ${twice}`);
  const source =
    "Written by `npm run eval -- steering-report` from what the run on each model left; prompts, rules and terms: " +
    "[steering-lab.md](steering-lab.md).";
  const lacking = reports.length > 1 ? [] : ["One model: the primary comparison asks for two."];
  const parts = reports.map((report) => {
    const sections = sectionsOf(report).map(({ title, head, rows = [], lines = [] }) =>
      [`### ${title}`, ...(head ? [markdownTable(head, rows)] : []), ...lines].join("\n\n"),
    );
    return [`## ${report.title}`, ...sections].join("\n\n");
  });
  return `${["# Steering lab: results", source, ...lacking, ...parts].join("\n\n")}\n`;
}

/** Lines for the terminal. */
export function labLines(report: LabReport): string[] {
  return [
    report.title,
    ...sectionsOf(report).flatMap(({ title, head, rows = [], lines = [] }) => [
      ...["", title],
      ...(head ? alignColumns([head, ...rows]) : []),
      ...lines,
    ]),
  ];
}
