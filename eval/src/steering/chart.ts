/** Effect against false effect, one dot an arm with its intervals: up and to the left is better. */
import * as Plot from "@observablehq/plot";
import { draw } from "../report/charts.ts";
import type { ReportRow } from "./rows.ts";

/** The chart as SVG. */
export function effectChart(rows: readonly ReportRow[]): string {
  const points = rows.map(({ gate, method, part, effect, falseEffect }) => ({
    ...{ name: method === "base" ? "base" : `${gate} × ${method}`, part },
    ...{ x: falseEffect.rate, left: falseEffect.lower, right: falseEffect.upper },
    ...{ y: effect.rate, bottom: effect.lower, top: effect.upper },
  }));
  return draw({
    height: 560,
    color: { scheme: "tableau10" },
    x: { label: "false effect on harmless prompts", grid: true, percent: true },
    y: { label: "coherent refusals of harmful prompts", grid: true, percent: true, domain: [0, 100] },
    marks: [
      Plot.ruleX(points, { x: "x", y1: "bottom", y2: "top", stroke: "part", strokeOpacity: 0.5 }),
      Plot.ruleY(points, { y: "y", x1: "left", x2: "right", stroke: "part", strokeOpacity: 0.5 }),
      Plot.dot(points, { x: "x", y: "y", fill: "part", r: 4 }),
      Plot.text(points, { x: "x", y: "y", text: "name", dx: 7, dy: -6, textAnchor: "start", fontSize: 10 }),
    ],
  });
}
