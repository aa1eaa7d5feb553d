/** One self-contained page, and the plots as files: no scripts, no fonts, nothing fetched. */
import type { CalibrationLine } from "../calibration.ts";
import { adviceLine, type JudgeAdvice } from "../judge-fit.ts";
import type { ReportRow, Sorted } from "../rows.ts";
import { accuracyChart, sampleSizeChart, treeChart } from "./charts.ts";
import { escapeHtml, htmlPage, htmlTable } from "./page.ts";
import { percent } from "./text.ts";

/** What is shown. */
export interface Report {
  readonly title: string;
  readonly isQuick: boolean;
  readonly calibration: readonly CalibrationLine[];
  readonly rows: readonly ReportRow[];
  readonly sorted: Sorted;
  readonly advice: readonly JudgeAdvice[];
}

/** Files by name: `report.html` and the plots in it. */
export function renderReport(report: Report): { readonly [name: string]: string } {
  const { searches } = report.sorted;
  const sizes = sampleSizeChart(searches);
  const searched = [...searches.values()].flatMap((records) => [...records.values()]);
  const branching = searched.find(({ tree }) => tree.some(({ parent }) => parent !== 0));
  const plots: { [name: string]: string } = {
    "accuracy.svg": accuracyChart(report.rows),
    ...(sizes === undefined ? {} : { "effective-sample-size.svg": sizes }),
    ...(branching === undefined ? {} : { "search-tree.svg": treeChart(branching.tree) }),
  };
  const captions: { readonly [name: string]: string } = {
    "accuracy.svg": "Accuracy against generated tokens",
    "effective-sample-size.svg": "Effective sample size, mean over problems",
    "search-tree.svg": `One search: ${branching?.arm ?? ""}`,
  };
  const figures = Object.entries(plots).map(
    ([name, svg]) => `<figure>${svg}<figcaption>${escapeHtml(captions[name] ?? "")}</figcaption></figure>`,
  );
  return { ...plots, "report.html": page(report, figures) };
}

function page({ title, isQuick, calibration, rows, advice }: Report, figures: readonly string[]): string {
  const body = `${calibration.length === 0 ? "" : `<h2>Calibration</h2>${htmlTable(CALIBRATION_HEAD, calibration.map(calibrationCells))}`}
<h2>Strategies</h2>
${htmlTable(HEAD, rows.map(cells))}
<p>Intervals: 95 %, bootstrap over problems. pass@1 is also what a random selector gets. Headroom: share of the way from the
better of greedy and pass@1 to pass@N. “Over majority”: paired difference, in points, to the majority of as many independent
samples as spend the same tokens or more, verifier tokens counted. “Over exact best-of-n”: the same to the best of those
samples, chosen by the exact checker. “Distinct”: different answers among the candidates that came to their end.</p>
${advice.map((one) => `<p>${escapeHtml(adviceLine(one))}</p>`).join("\n")}
${figures.join("\n")}`;
  return htmlPage({ title, isQuick, body });
}

const CALIBRATION_HEAD = ["task", "greedy", "pass@1", "pass@N", "samples", "problems", "usable"];
const HEAD = [
  ...["strategy", "verifier", "access", "N", "accuracy", "95 %", "greedy", "pass@1", "pass@N", "majority"],
  ...[
    "headroom",
    "over majority",
    "over exact best-of-n",
    "distinct",
    "generated",
    "prefilled",
    "ms",
    "problems",
  ],
];

const calibrationCells = (line: CalibrationLine): string[] => [
  `${line.task}, ${line.level}`,
  ...[percent(line.greedy), percent(line.passAt1), percent(line.passAtN)],
  ...[String(line.samples), String(line.n), line.isUsable ? "yes" : "no"],
];

const cells = (row: ReportRow): string[] => [
  ...[row.strategy, row.verifier || "–", row.access, String(row.budget), percent(row.accuracy)],
  ...[`${percent(row.lower)} to ${percent(row.upper)}`, percent(row.greedy), percent(row.passAt1)],
  ...[percent(row.passAtN), percent(row.majority), percent(row.headroom), spell(row.overMajority)],
  ...[spell(row.overOracle), row.distinct.toFixed(1)],
  ...[row.tokensGenerated.toFixed(0), row.tokensPrefilled.toFixed(0), row.wallMs.toFixed(0), String(row.n)],
];

const spell = (interval: ReportRow["overMajority"]): string =>
  interval === undefined
    ? "–"
    : `${(100 * interval.mean).toFixed(1)} (${(100 * interval.lower).toFixed(1)} to ${(100 * interval.upper).toFixed(1)})`;
