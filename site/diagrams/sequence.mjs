// Sequence diagrams, of the part of Mermaid our pages use: `participant A as name`, `A->>B: text`, `A-->>B: text`, and `par`, `and`,
// `end` around what happens at the same time.

import { element, figure, head, text, widthOf } from "./svg.mjs";

const COLUMN = 138;
const STEP = 34;
const TOP = 64;
const BOX = { width: 100, height: 32 };
const MARGIN = 12;
const MESSAGE = /^(\w+)(--?>>)(\w+):\s*(.+)$/;

/** Draws the lines after `sequenceDiagram`. @throws Error for lines it does not know. */
export function sequence(lines) {
  const columns = new Map();
  const parts = [];
  const says = [];
  let y = TOP;
  let widest = 0;
  let begun = 0;
  const names = new Map();
  for (const line of lines) {
    const participant = /^participant (\w+) as (.+)$/.exec(line);
    const message = MESSAGE.exec(line);
    if (participant) {
      columns.set(participant[1], MARGIN + BOX.width / 2 + columns.size * COLUMN);
      names.set(participant[1], participant[2]);
    } else if (message) {
      const [, from, kind, to, words] = message;
      y += STEP;
      parts.push(arrow(columns.get(from), columns.get(to), y, { words, isDashed: kind === "-->>" }));
      widest = Math.max(widest, Math.min(columns.get(from), columns.get(to)) + widthOf(words) + 2 * MARGIN);
      says.push(`${names.get(from)} to ${names.get(to)}: ${words}`);
    } else if (line === "par") {
      begun = y += STEP / 2;
    } else if (line === "and") {
      parts.push(rule(y + STEP / 3, columns));
    } else if (line === "end") {
      y += STEP / 2;
      parts.unshift(together(begun, y, columns));
    } else {
      throw new Error(`a sequence diagram has a line that is not understood: ${line}`);
    }
  }
  const last = Math.max(...columns.values());
  const height = y + STEP;
  const lives = [...columns].map(([key, x]) => lifeline(x, names.get(key), height));
  const width = Math.max(last + BOX.width / 2, widest) + MARGIN;
  return figure({ width, height, says: says.join("; ") }, [...lives, ...parts]);
}

function lifeline(x, name, height) {
  const frame = element("rect", { x: x - BOX.width / 2, y: MARGIN, ...BOX, rx: 8 });
  const line = element("path", { d: `M${x},${MARGIN + BOX.height}V${height}`, class: "life" });
  return line + frame + text(x, MARGIN + BOX.height / 2 + 5, name, "middle");
}

function arrow(from, to, y, { words, isDashed }) {
  const line = element("path", { d: `M${from},${y}H${to}`, class: isDashed ? "dotted" : "" });
  return (
    line + head(to, y, [Math.sign(to - from), 0]) + text(Math.min(from, to) + 8, y - 7, words, "message")
  );
}

const edges = (columns) => [
  Math.min(...columns.values()) + COLUMN / 3,
  Math.max(...columns.values()) + BOX.width / 2,
];

function rule(y, columns) {
  const [left, right] = edges(columns);
  return element("path", { d: `M${left},${y}H${right}`, class: "life" });
}

/** What happens at the same time. */
function together(from, to, columns) {
  const [left, right] = edges(columns);
  const frame = {
    x: left,
    y: from - 8,
    width: right - left,
    height: to - from + 8,
    rx: 6,
    class: "together",
  };
  return element("rect", frame) + text(left + 6, from + 8, "at once", "note");
}
