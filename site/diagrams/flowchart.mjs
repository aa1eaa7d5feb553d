// Flowcharts from the top down, of the part of Mermaid our pages use: `a -- "label" --> b & c`, `a --> b`, `a -. "label" .-> b`.
// Solid edges give the rows; dotted ones run as arcs below their row.

import { element, figure, head, text, widthOf } from "./svg.mjs";

const BOX = { height: 34, padding: 32 };
const GAP = { columns: 60, rows: 84 };
const MARGIN = 16;
/** Depth of an arc, a pixel of distance. */
const SAG = 0.1;
const EDGE = /^(.+?)\s*(?:--\s*"([^"]*)"\s*-->|-->|-\.\s*"([^"]*)"\s*\.->|-\.->)\s*(.+)$/;

/** Draws the lines after `flowchart TB`. @throws Error for lines it does not know. */
export function flowchart(lines) {
  const edges = lines.flatMap(edgesOf);
  const nodes = [...new Set(edges.flatMap(({ from, to }) => [from, to]))];
  const rows = rowsOf(nodes, edges);
  const width = Math.max(...rows.map(widthOfRow)) + 2 * MARGIN;
  const places = place(rows, width, edges);
  const depth = Math.max(0, ...edges.map((edge) => sagOf(edge, places)));
  const height = 2 * MARGIN + rows.length * BOX.height + (rows.length - 1) * GAP.rows + depth / 2;
  const says = edges.map(({ from, to, label }) => `${from} to ${to}${label ? ` (${label})` : ""}`);
  const drawn = edges.map((edge) => (isLevel(edge, places) ? arc(edge, places) : line(edge, places)));
  return figure({ width, height, says: says.join("; ") }, [
    ...drawn,
    ...nodes.map((node) => box(places, node)),
  ]);
}

function edgesOf(source) {
  const found = EDGE.exec(source);
  if (!found) throw new Error(`a flowchart has a line that is not understood: ${source}`);
  const [, from = "", solid, dotted, to = ""] = found;
  const isDotted = source.includes(".->");
  return to.split("&").map((one, index) => ({
    from: from.trim(),
    to: one.trim(),
    isDotted,
    // One label for all edges of a line.
    label: index === 0 ? (solid ?? dotted ?? "") : "",
  }));
}

/** Nodes by their distance from where solid edges begin. */
function rowsOf(nodes, edges) {
  const ranks = new Map(nodes.map((node) => [node, 0]));
  for (const _ of nodes) {
    for (const { from, to, isDotted } of edges) {
      if (!isDotted) ranks.set(to, Math.max(ranks.get(to), ranks.get(from) + 1));
    }
  }
  const rows = [];
  for (const [node, rank] of ranks) (rows[rank] ??= []).push(node);
  return rows;
}

const widthOfBox = (node) => widthOf(node) + BOX.padding;

function widthOfRow(row) {
  return row.reduce((sum, node) => sum + widthOfBox(node) + GAP.columns, -GAP.columns);
}

/** Every row is centred under what leads to it. */
function place(rows, width, edges) {
  const places = new Map();
  for (const [rank, row] of rows.entries()) {
    const above = edges.filter(({ to, isDotted }) => !isDotted && row.includes(to));
    const middles = above.map(({ from }) => places.get(from).middle);
    const middle =
      middles.length === 0 ? width / 2 : middles.reduce((sum, one) => sum + one, 0) / middles.length;
    const most = width - MARGIN - widthOfRow(row);
    let x = Math.max(MARGIN, Math.min(most, middle - widthOfRow(row) / 2));
    for (const node of row) {
      const own = widthOfBox(node);
      places.set(node, { x, y: MARGIN + rank * (BOX.height + GAP.rows), width: own, middle: x + own / 2 });
      x += own + GAP.columns;
    }
  }
  return places;
}

const isLevel = ({ from, to }, places) => places.get(from).y === places.get(to).y;

function sagOf(edge, places) {
  const [from, to] = [places.get(edge.from), places.get(edge.to)];
  return from.y === to.y ? 20 + Math.abs(to.middle - from.middle) * SAG : 0;
}

function box(places, node) {
  const { x, y, width, middle } = places.get(node);
  const frame = element("rect", { x, y, width, height: BOX.height, rx: 8 });
  return frame + text(middle, y + BOX.height / 2 + 5, node, "middle");
}

function line({ from, to, label, isDotted }, places) {
  const [{ middle: x1, y }, { middle: x2, y: end }] = [places.get(from), places.get(to)];
  const start = y + BOX.height;
  const length = Math.hypot(x2 - x1, end - start);
  const direction = [(x2 - x1) / length, (end - start) / length];
  const drawn = element("path", { d: `M${x1},${start}L${x2},${end}`, class: isDotted ? "dotted" : "" });
  const side = Math.sign(x1 - x2);
  const [x, kind] = [x1 + (x2 - x1) * 0.45 + side * 10, ["label end", "label", "label start"][side + 1]];
  const words = label === "" ? "" : text(x, start + (end - start) * 0.45, label, kind);
  return drawn + head(x2, end, direction) + words;
}

function arc(edge, places) {
  const [{ middle: x1, y }, { middle: x2 }] = [places.get(edge.from), places.get(edge.to)];
  const [top, sag] = [y + BOX.height, sagOf(edge, places)];
  const [start, end] = [x1 + Math.sign(x2 - x1) * 12, x2 - Math.sign(x2 - x1) * 12];
  const path = `M${start},${top}C${start},${top + sag} ${end},${top + sag} ${end},${top}`;
  const drawn = element("path", { d: path, class: edge.isDotted ? "dotted" : "" });
  const words = edge.label === "" ? "" : text((start + end) / 2, top + sag * 0.75 + 4, edge.label, "label");
  return drawn + head(end, top, [0, -1]) + words;
}
