/** Pictures as SVG, by Observable Plot without a browser. */
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import type { ReportRow } from "../rows.ts";
import type { SearchRecord, TreeNode } from "../sample.ts";

const WIDTH = 860;
const MARGINS = { marginLeft: 60, marginRight: 40, marginTop: 30, marginBottom: 40 };
const SHOWN_CHARS = 36;
const LEVEL_HEIGHT = 26;

/** Accuracy with its interval against tokens: one colour a strategy with its verifier, baselines as lines across. */
export function accuracyChart(rows: readonly ReportRow[]): string {
  const points = rows.map((row) => ({
    ...row,
    tokens: row.tokensGenerated,
    arm: row.verifier === "" ? row.strategy : `${row.strategy} + ${row.verifier}`,
  }));
  const [first] = rows;
  const baselines = first ? [["greedy", first.greedy] as const, ["pass@1", first.passAt1] as const] : [];
  return draw({
    height: 480,
    color: { legend: false, scheme: "tableau10" },
    x: { label: "generated tokens a problem", grid: true },
    y: { label: "accuracy", domain: [0, 1], grid: true },
    marks: [
      Plot.ruleY(baselines, {
        y: (one: readonly [string, number]) => one[1],
        strokeDasharray: "4 3",
        stroke: "#777",
      }),
      Plot.text(baselines, {
        ...{
          y: (one: readonly [string, number]) => one[1],
          text: (one: readonly [string, number]) => one[0],
        },
        ...{ frameAnchor: "right", dy: -6, fill: "#777" },
      }),
      Plot.line(points, { x: "tokens", y: "accuracy", stroke: "arm", z: "arm", sort: "tokens" }),
      Plot.ruleX(points, { x: "tokens", y1: "lower", y2: "upper", stroke: "arm", strokeOpacity: 0.5 }),
      Plot.dot(points, { x: "tokens", y: "accuracy", fill: "arm", r: 4 }),
      Plot.text(points, {
        x: "tokens",
        y: "accuracy",
        text: "arm",
        dx: 7,
        textAnchor: "start",
        fontSize: 10,
      }),
    ],
  });
}

/** Effective sample size over the resamplings of a search, mean over problems; undefined if nothing was resampled. */
export function sampleSizeChart(
  searches: ReadonlyMap<string, ReadonlyMap<string, SearchRecord>>,
): string | undefined {
  const points = [...searches].flatMap(([arm, records]) => {
    const sizes = [...records.values()].map((record) => record.effectiveSampleSizes);
    const steps = Math.max(0, ...sizes.map(({ length }) => length));
    return Array.from({ length: steps }, (_, step) => {
      const there = sizes.flatMap((one) => one[step] ?? []);
      return { arm, step: step + 1, size: there.reduce((sum, value) => sum + value, 0) / there.length };
    });
  });
  if (points.length === 0) return undefined;
  return draw({
    height: 320,
    color: { scheme: "tableau10" },
    x: { label: "resampling", ticks: Math.max(...points.map(({ step }) => step)), tickFormat: "d" },
    y: { label: "effective sample size", grid: true, zero: true },
    marks: [
      Plot.line(points, { x: "step", y: "size", stroke: "arm", marker: "circle" }),
      Plot.text(
        points,
        Plot.selectLast({ x: "step", y: "size", z: "arm", text: "arm", dy: -9, textAnchor: "end" }),
      ),
    ],
  });
}

/** The tree of one search: each candidate's own steps with its last score. */
export function treeChart(nodes: readonly TreeNode[]): string {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const pathOf = (node: TreeNode): string => {
    const parent = byId.get(node.parent);
    return `${parent === undefined ? "prompt" : pathOf(parent)}\u001f${labelOf(node)}`;
  };
  const leaves = nodes.filter(({ id }) => !nodes.some(({ parent }) => parent === id));
  return draw({
    ...{ height: 80 + LEVEL_HEIGHT * leaves.length, marginRight: 260, axis: null },
    marks: [Plot.tree(nodes.map(pathOf), { delimiter: "\u001f", textStroke: "white", fontSize: 10 })],
  });
}

function labelOf({ id, text, score }: TreeNode): string {
  const shown = text.trim().replaceAll("\n", " ⏎ ").slice(0, SHOWN_CHARS);
  return `${id}: ${shown}${score === undefined ? "" : ` (${score.toFixed(2)})`}`;
}

/** A picture in the reports' size and type. */
export function draw(options: Plot.PlotOptions): string {
  const { document } = parseHTML("<html></html>");
  const svg = Plot.plot({
    document: document as never,
    ...{ width: WIDTH, ...MARGINS },
    style: { fontFamily: "sans-serif", fontSize: "11px", background: "white" },
    ...options,
  });
  svg.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  return `${svg.outerHTML}\n`;
}
