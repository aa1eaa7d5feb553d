/** Goodput and latency over offered load, as a picture; SVG from Observable Plot. */
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import type { LoadRow } from "./summary.ts";

const WIDTH = 640;
const HEIGHT = 260;
const STYLE = { fontFamily: "sans-serif", fontSize: "11px", background: "white" };

/** Two panels one above the other: tokens a second that were answered, and the latency of those who were let in. */
export function drawLoad(rows: readonly LoadRow[]): string {
  const { document } = parseHTML("<html></html>");
  const open = rows.flatMap(({ factor, ...row }) => (factor === null ? [] : [{ ...row, factor }]));
  const frame = {
    document: document as never,
    ...{ width: WIDTH, height: HEIGHT, marginLeft: 60, style: STYLE },
    x: { label: "offered load / capacity", ticks: open.map(({ factor }) => factor) },
  };
  const goodput = Plot.plot({
    ...frame,
    y: {
      label: "answered tokens/s",
      domain: [0, Math.max(...open.map((row) => row.tokensPerSecond)) * 1.1],
      grid: true,
    },
    marks: [
      Plot.lineY(open, { x: "factor", y: "tokensPerSecond", stroke: "#2a7f3f" }),
      Plot.dot(open, { x: "factor", y: "tokensPerSecond", fill: "#2a7f3f" }),
    ],
  });
  const times = open.flatMap(({ factor, latency }) =>
    Object.entries(latency).map(([name, value]) => ({ factor, name, seconds: Number(value) / 1_000 })),
  );
  const latency = Plot.plot({
    ...frame,
    y: {
      label: "latency of admitted requests, s",
      domain: [0, Math.max(...times.map((t) => t.seconds)) * 1.1],
      grid: true,
    },
    marks: [
      Plot.lineY(times, { x: "factor", y: "seconds", stroke: "name" }),
      Plot.text(times, Plot.selectLast({ x: "factor", y: "seconds", z: "name", text: "name", dx: 14 })),
    ],
  });
  const inner = [goodput, latency].map(
    (svg, i) => `<g transform="translate(0 ${i * HEIGHT})">${svg.outerHTML}</g>`,
  );
  const size = `width="${WIDTH}" height="${2 * HEIGHT}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size}>${inner.join("")}</svg>\n`;
}
