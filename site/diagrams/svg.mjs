// What both kinds of diagrams are drawn with: SVG without inline styles, which the content policy forbids; colours come from classes.

/** Pixels of a letter, taken wide: the font is the reader's own. */
const LETTER = 7.6;

/** Width a text may need. */
export const widthOf = (text) => Math.ceil([...text].length * LETTER);

/** An element; children are strings already. */
export function element(name, attributes, ...children) {
  const written = Object.entries(attributes).map(([key, value]) => ` ${key}="${escape(value)}"`);
  return `<${name}${written.join("")}>${children.join("")}</${name}>`;
}

/** A text at a place. */
export const text = (x, y, words, kind = "") => element("text", { x, y, class: kind }, escape(words));

/** An arrow head that points along the vector (dx, dy), of length 1. */
export function head(x, y, [dx, dy]) {
  const [length, half] = [8, 4];
  const [bx, by] = [x - dx * length, y - dy * length];
  const points = [
    [x, y],
    [bx - dy * half, by + dx * half],
    [bx + dy * half, by - dx * half],
  ];
  return element("polygon", { points: points.map((point) => point.join(",")).join(" ") });
}

/** The whole, in a frame that scrolls by keyboard; `says` is the diagram in words. */
export function figure({ width, height, says }, parts) {
  const size = { width, height, viewBox: `0 0 ${width} ${height}` };
  const svg = element("svg", { ...size, role: "img", "aria-label": says, class: "diagram" }, ...parts);
  return `<div class="scroll" tabindex="0" role="group" aria-label="Diagram">${svg}</div>\n`;
}

const escape = (value) =>
  String(value)
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
