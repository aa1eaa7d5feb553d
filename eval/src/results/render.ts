/**
 * A page from a template: what stands in double braces is a number or a table of a kept result, so that no number of the page
 * can differ from what a command wrote.
 *
 *   {{rows RUN}}                 table of all arms       {{command RUN}}          the command that made it
 *   {{of RUN ARM FIELD}}         one number              {{over RUN ARM ARM}}     paired difference of accuracies, points
 *   {{distinct RUN ARM ARM}}     paired difference of different answers             {{sizes RUN ARM}}  effective sample sizes
 *   {{cell RESULT ROW COLUMN}}   one cell of such a table, its row by the first cell of it
 *   {{policy RESULT}}            what a table of `auto` is worth                    {{table RESULT}}   a table kept as it is
 *   {{bench RESULT}}             rows of `npm run bench -- search --json eval/results/RESULT.json`
 *   {{measured RESULT METRIC FIELD}}   a number of them       {{value RESULT PATH}}    a number of any JSON, by its path
 *
 * An arm is strategy/source/N, as in `particle-filtering/process/8`.
 */
import { markdownTable } from "../report/markdown.ts";
import { percent } from "../report/text.ts";
import { bootstrapDifference, type Interval } from "../statistics.ts";
import type { PolicyReport } from "../policy/fit.ts";
import type { KeptRow, KeptRun, KeptTable } from "./kept.ts";

/** Reads a kept result by name. */
export type Reading = (name: string) => unknown;

/** What of a row of the bench is shown. */
interface BenchLine {
  readonly metric: string;
  readonly peer: string;
  readonly unit: string;
  readonly ours: number;
  readonly theirs: number | null;
  readonly ratio: number | null;
  readonly low: number | null;
  readonly high: number | null;
  readonly rounds: number;
}

const FIELD = /\{\{(\w+) ([^}]+)\}\}/g;

/** The page. @throws Error that names what the template asks for and no result has. */
export function renderPage(template: string, read: Reading): string {
  return template.replaceAll(FIELD, (whole, kind: string, rest: string) => {
    const words = rest.trim().split(/\s+/);
    const render = KINDS[kind];
    if (!render) throw new Error(`${whole}: there is no ${kind}`);
    return render(read(words[0] ?? ""), words.slice(1));
  });
}

const KINDS: Readonly<Record<string, (result: unknown, words: readonly string[]) => string>> = {
  rows: (result) => markdownTable(HEAD, (result as KeptRun).rows.map(cellsOf)),
  command: (result) => `\`${(result as KeptRun).command}\``,
  of: (result, [arm = "", field = ""]) => spellField(rowOf(result, arm), field),
  over: (result, [ours = "", theirs = ""]) =>
    spellPoints(bootstrapDifference(rowOf(result, ours).right, rowOf(result, theirs).right)),
  distinct: (result, [ours = "", theirs = ""]) =>
    spellInterval(
      bootstrapDifference(rowOf(result, ours).distinctAnswers, rowOf(result, theirs).distinctAnswers),
      2,
    ),
  sizes: (result, [arm = ""]) =>
    rowOf(result, arm)
      .sampleSizes.map((size) => size.toFixed(1))
      .join(", "),
  policy: (result) => policyTable(result as { crossValidated: PolicyReport; test?: PolicyReport }),
  bench: (result) => benchTable((result as { readonly rows: readonly BenchLine[] }).rows),
  measured: (result, [metric = "", field = ""]) =>
    spellMeasured(result as { readonly rows: readonly BenchLine[] }, metric, field),
  value: (result, [path = ""]) => valueOf(result, path),
  cell: (result, [row = "", ...column]) => cellOf(result as KeptTable, row, column.join(" ")),
  table: (result) => {
    const { head, rows } = result as KeptTable;
    return markdownTable(head, rows);
  },
};

function rowOf(result: unknown, arm: string): KeptRow {
  const { rows, title } = result as KeptRun;
  const found = rows.find((row) => `${row.strategy}/${row.source}/${row.budget}` === arm);
  if (found) return found;
  throw new Error(`${title} has no ${arm}`);
}

/** A number of a row of the bench. */
function spellMeasured(
  { rows }: { readonly rows: readonly BenchLine[] },
  metric: string,
  field: string,
): string {
  const value = rows.find((row) => row.metric === metric)?.[field as keyof BenchLine];
  if (typeof value !== "number") throw new Error(`the bench has no ${field} of ${metric}`);
  return spellNumber(value);
}

/** A number by the names on the way to it, with three digits after the point if it is no whole one. */
function valueOf(result: unknown, path: string): string {
  const value = path
    .split(".")
    .reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], result);
  if (typeof value !== "number") throw new Error(`there is no number ${path}`);
  return Number.isInteger(value) ? String(value) : value.toFixed(3);
}

function cellOf({ head, rows }: KeptTable, row: string, column: string): string {
  const found = rows.find(([first]) => first === row)?.[head.indexOf(column)];
  if (found) return found;
  throw new Error(`there is no ${column} of ${row}`);
}

function spellField(row: KeptRow, field: string): string {
  const value = row[field as keyof KeptRow];
  if (field === "accuracy") return `${percent(row.accuracy)} [${percent(row.lower)}, ${percent(row.upper)}]`;
  if (SHARES.has(field)) return percent(value as number);
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : value.toFixed(1);
  if (value !== undefined && typeof value === "object" && "mean" in value) return spellPoints(value);
  throw new Error(`${row.arm} has no ${field}`);
}

const SHARES = new Set(["greedy", "passAt1", "passAtN", "majority", "headroom"]);
const HEAD = [
  ...["strategy + verifier (access)", "N", "accuracy", "greedy", "pass@1", "pass@N", "majority@N"],
  ...["over majority at equal tokens, points", "over exact best-of-n", "distinct", "tokens", "n"],
];

const cellsOf = (row: KeptRow): string[] => [
  nameOfRow(row),
  ...[String(row.budget), `${percent(row.accuracy)} [${percent(row.lower)}, ${percent(row.upper)}]`],
  ...[percent(row.greedy), percent(row.passAt1), percent(row.passAtN), percent(row.majority)],
  ...[row.overMajority, row.overOracle].map((one) => (one ? spellPoints(one) : "–")),
  ...[row.distinct.toFixed(1), row.tokensGenerated.toFixed(0), String(row.n)],
];

function nameOfRow({ strategy, verifier, source, access }: KeptRow): string {
  const judged = verifier === "" ? "" : ` + ${verifier}${source === "erring" ? ", erring" : ""}`;
  return `${strategy}${judged} (${access})`;
}

function policyTable({
  crossValidated,
  test,
}: {
  crossValidated: PolicyReport;
  test?: PolicyReport;
}): string {
  const line = (on: string, report: PolicyReport): string[] => [
    ...[on, String(report.n), `${percent(report.accuracy)} at ${report.tokens.toFixed(0)}`],
    `${report.single.strategy}: ${percent(report.single.accuracy)} at ${report.single.tokens.toFixed(0)}`,
    ...[spellPoints(report.overSingle), percent(report.shuffled), spellPoints(report.overShuffled)],
  ];
  return markdownTable(
    [
      ...["problems", "n", "`auto`, tokens", "best single strategy, tokens", "over it, points"],
      ...["difficulties exchanged", "over that, points"],
    ],
    [line("folds not fitted", crossValidated), ...(test ? [line("test", test)] : [])],
  );
}

function benchTable(rows: readonly BenchLine[]): string {
  const lines = rows.map(({ metric, peer, unit, ours, theirs, ratio, low, high, rounds }) => [
    ...[`${metric}, ${unit}`, peer, spellNumber(ours), spellNumber(theirs)],
    ratio === null ? "" : `**${ratio.toFixed(2)}** (${low?.toFixed(2)} to ${high?.toFixed(2)})`,
    String(rounds),
  ]);
  return markdownTable(["what", "beside", "ours", "theirs", "ratio (lowest to highest)", "n"], lines);
}

const spellNumber = (value: number | null): string =>
  value === null ? "" : Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);
const spellInterval = ({ mean, lower, upper }: Interval, digits: number): string =>
  `${mean.toFixed(digits)} [${lower.toFixed(digits)}, ${upper.toFixed(digits)}]`;
const spellPoints = ({ mean, lower, upper }: Interval): string =>
  spellInterval({ mean: 100 * mean, lower: 100 * lower, upper: 100 * upper }, 1);
