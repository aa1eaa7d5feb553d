/**
 * Two answers that stream beside each other. On a terminal the block is redrawn in place; elsewhere it is printed
 * once, at the end.
 */
import { colour, fit, isInteractive, printable, terminalColumns, wrapText } from "./style.ts";

/** A block of two streaming columns. */
export interface SideBySide {
  /** Appends text to column 0 or 1. */
  append(column: 0 | 1, text: string): void;
  /** Draws the final state; nothing may be appended afterwards. */
  finish(): void;
}

const REDRAW_INTERVAL_MS = 50;

/** Starts a block with a title over each column. */
export function createSideBySide(titles: readonly [string, string], maxLines = 12): SideBySide {
  const texts: [string, string] = ["", ""];
  const width = Math.floor((terminalColumns() - 5) / 2);
  let drawnLines = 0;
  let drawnAt = 0;

  function lines(): string[] {
    const columns = texts.map((t) => wrapText(printable(t.trim()), width).slice(0, maxLines));
    const height = Math.max(1, columns[0]!.length, columns[1]!.length);
    const rows = [`  ${colour.bold(fit(titles[0], width))} │ ${colour.bold(fit(titles[1], width))}`];
    for (let i = 0; i < height; i++) {
      rows.push(`  ${fit(columns[0]![i] ?? "", width)} │ ${fit(columns[1]![i] ?? "", width)}`);
    }
    return rows;
  }
  function draw(): void {
    const rows = lines();
    const up = drawnLines > 0 ? `\x1b[${drawnLines}A` : "";
    process.stdout.write(up + rows.map((r) => `\x1b[2K${r}\n`).join(""));
    drawnLines = rows.length;
    drawnAt = performance.now();
  }
  return {
    append(column, text) {
      texts[column] += text;
      if (isInteractive() && performance.now() - drawnAt > REDRAW_INTERVAL_MS) draw();
    },
    finish() {
      if (isInteractive()) draw();
      else process.stdout.write(`${lines().join("\n")}\n`);
    },
  };
}
