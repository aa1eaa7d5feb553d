/** Tables for the terminal and for Markdown. */
import type { Proportion } from "../binomial.ts";
import type { CalibrationLine } from "../calibration.ts";
import { adviceLine, type JudgeAdvice } from "../judge-fit.ts";
import type { ReportRow } from "../rows.ts";
import { alignColumns } from "./columns.ts";
import { markdownTable } from "./markdown.ts";

/** What is printed. */
export interface TextReport {
  readonly title: string;
  readonly calibration: readonly CalibrationLine[];
  readonly rows: readonly ReportRow[];
  readonly advice: readonly JudgeAdvice[];
}

/** Percent with one digit. */
export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** A proportion and its interval, as percent. */
export const spellProportion = ({ rate, lower, upper }: Proportion): string =>
  `${percent(rate)} [${(100 * lower).toFixed(1)}, ${(100 * upper).toFixed(1)}]`;

/** The tables as lines. */
export function tableLines(report: TextReport): string[] {
  const { title, calibration, advice } = report;
  return [
    title,
    ...(calibration.length === 0 ? [] : ["", ...alignColumns(calibrationTable(report))]),
    "",
    ...alignColumns(strategyTable(report)),
    ...(advice.length === 0 ? [] : ["", ...advice.map(adviceLine)]),
  ];
}

/** The tables as Markdown: what pages of the documentation quote. */
export function markdownOf(report: TextReport): string {
  const { title, calibration, advice } = report;
  const tableOf = ([head = [], ...rows]: Table): string => markdownTable(head, rows);
  const parts = [
    `### ${title}`,
    ...(calibration.length === 0 ? [] : [tableOf(calibrationTable(report))]),
    tableOf(strategyTable(report)),
    ...advice.map(adviceLine),
  ];
  return `${parts.join("\n\n")}\n`;
}

type Table = readonly (readonly string[])[];

const calibrationTable = ({ calibration }: TextReport): Table => [
  CALIBRATION_HEAD,
  ...calibration.map((line) => [
    `${line.task}, ${line.level}`,
    ...[percent(line.greedy), percent(line.passAt1), `${percent(line.passAtN)} @${line.samples}`],
    ...[String(line.n), line.isUsable ? "yes" : "no"],
  ]),
];

const strategyTable = ({ rows }: TextReport): Table => [
  HEAD,
  ...rows.map((row) => [
    `${row.strategy}${row.verifier === "" ? "" : ` + ${row.verifier}`} (${row.access})`,
    ...[String(row.budget), `${percent(row.accuracy)} [${percent(row.lower)}, ${percent(row.upper)}]`],
    ...[percent(row.greedy), percent(row.passAt1), percent(row.passAtN), percent(row.majority)],
    ...[percent(row.headroom), spell(row.overMajority), spell(row.overOracle), row.distinct.toFixed(1)],
    ...[row.tokensGenerated.toFixed(0), row.tokensPrefilled.toFixed(0), row.wallMs.toFixed(0), String(row.n)],
  ]),
];

const CALIBRATION_HEAD = ["calibration", "greedy", "pass@1", "pass@N", "n", "usable"];
const HEAD = [
  ...["strategy + verifier (access)", "N", "accuracy", "greedy", "pass@1 = random", "pass@N", "majority"],
  ...[
    "headroom",
    "over majority at equal tokens",
    "over exact best-of-n",
    "distinct",
    "generated",
    "prefilled",
    "ms",
    "n",
  ],
];

const spell = (interval: ReportRow["overMajority"]): string =>
  interval === undefined
    ? "–"
    : `${(100 * interval.mean).toFixed(1)} [${(100 * interval.lower).toFixed(1)}, ${(100 * interval.upper).toFixed(1)}]`;
