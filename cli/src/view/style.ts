/**
 * Terminal style: colours (off with NO_COLOR or without a TTY), widths, wrapping.
 */
import pc from "picocolors";

/** Colour functions that respect NO_COLOR and pipes. */
export const colour = pc;

/** Columns of the terminal, between 40 and 160; 100 where it is unknown. */
export function terminalColumns(): number {
  return Math.max(40, Math.min(160, process.stdout.columns ?? 100));
}

/** Cuts a line with colours to `columns` visible characters; colours end with it. */
export function cutStyled(text: string, columns: number): string {
  let left = Math.max(0, columns);
  let cut = "";
  for (const part of text.split(/(\u001b\[[0-9;]*m)/)) {
    if (part.startsWith("\u001b")) cut += part;
    else {
      cut += part.slice(0, left);
      left -= Math.min(left, part.length);
    }
  }
  return cut;
}

/** True where lines can be redrawn. */
export function isInteractive(): boolean {
  return process.stdout.isTTY === true && process.env["TERM"] !== "dumb";
}

/** Wraps text to lines of at most `columns` characters; newlines are kept, long words are cut. */
export function wrapText(text: string, columns: number): string[] {
  const lines: string[] = [];
  for (const paragraph of text.split("\n")) {
    let line = "";
    for (const word of paragraph.split(" ")) {
      let rest = word;
      if (line !== "" && line.length + 1 + rest.length > columns) {
        lines.push(line);
        line = "";
      }
      while (rest.length > columns) {
        lines.push(rest.slice(0, columns));
        rest = rest.slice(columns);
      }
      line = line === "" ? rest : `${line} ${rest}`;
    }
    lines.push(line);
  }
  return lines;
}

/** Pads or cuts plain text to exactly `columns` characters. */
export function fit(text: string, columns: number): string {
  return text.length > columns ? `${text.slice(0, columns - 1)}…` : text.padEnd(columns);
}

/** Control characters of model output made visible, so that no answer can drive the terminal. */
export function printable(text: string): string {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, "\u2423");
}
