/** Ratios to peers as a picture: one dot a row with its range over the rounds, the must as a tick; SVG from Observable Plot. */
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import type { BenchRow } from "../rows.ts";
import { targetOf } from "../targets.ts";

const WIDTH = 860;
const ROW_HEIGHT = 17;
const MARGINS = { marginLeft: 400, marginRight: 30, marginTop: 40, marginBottom: 40 };
const REACHED = "#2a7f3f";
const MISSED = "#b3261e";
const WITHOUT_TARGET = "#777777";

interface Mark {
  readonly label: string;
  readonly ratio: number;
  readonly low: number;
  readonly high: number;
  readonly must: number | null;
  readonly colour: string;
}

/** The picture of `rows`; ratios are drawn so that right of 1 is better. */
export function drawRatios(rows: readonly BenchRow[], isa: string): string {
  const marks = rows.flatMap((row) => markOf(row, isa));
  const musts = marks.filter(({ must }) => must !== null);
  const { document } = parseHTML("<html></html>");
  const svg = Plot.plot({
    document: document as never,
    ...{ width: WIDTH, height: 80 + ROW_HEIGHT * marks.length, ...MARGINS },
    style: { fontFamily: "sans-serif", fontSize: "11px", background: "white" },
    x: {
      type: "log",
      label: "ours / theirs (log scale; right of 1 we are ahead)",
      grid: true,
      ticks: 10,
      tickFormat: "~g",
    },
    y: { label: null, domain: marks.map(({ label }) => label) },
    marks: [
      Plot.ruleX([1], { stroke: "#333" }),
      Plot.ruleY(marks, { y: "label", x1: "low", x2: "high", stroke: "colour" }),
      Plot.tickX(musts, { y: "label", x: "must", stroke: "#000", strokeWidth: 2 }),
      Plot.dot(marks, { y: "label", x: "ratio", fill: "colour", r: 4 }),
    ],
  });
  svg.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  return `${svg.outerHTML}\n`;
}

function markOf(row: BenchRow, isa: string): Mark[] {
  const { ratio, low, high } = row;
  if (ratio === null || low === null || high === null) return [];
  const target = targetOf(row, isa);
  const must = target?.of === "ratio" && target.better === "higher" ? target.must : null;
  const colour = must === null ? WITHOUT_TARGET : ratio >= must ? REACHED : MISSED;
  return [{ label: labelOf(row), ratio, low, high, must, colour }];
}

/** What tells a row from the others, in one line. */
export function labelOf({ model, metric, file, threads, context, batch, peer }: BenchRow): string {
  const name = model.replace(/[.-](Instruct|q4_k_m|Q4_1|gguf|coder|instruct).*$/i, "");
  const what = `${name} ${metric} ${context}${batch > 1 ? ` x${batch}` : ""}, ${threads}T`;
  return peer === "none" ? what : `${what}: ${shortPeer(peer)} (${file})`;
}

/** Without the build that a version came from. */
export const shortPeer = (peer: string): string => peer.replace(/ \(.*\)$/, "");
