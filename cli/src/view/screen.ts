/** A whole screen that is drawn again and again, beside the one the terminal had, which comes back at the end. */
const ESC = "\u001b";

/** The screen. */
export interface Screen {
  draw(lines: readonly string[]): void;
  close(): void;
}

/** Takes the screen over and hides the cursor. */
export function openScreen(): Screen {
  const { stdout } = process;
  stdout.write(`${ESC}[?1049h${ESC}[?25l`);
  return {
    draw(lines) {
      const shown = lines.slice(0, stdout.rows ?? lines.length);
      stdout.write(`${ESC}[H${shown.map((line) => `${line}${ESC}[K`).join("\r\n")}${ESC}[J`);
    },
    close: () => void stdout.write(`${ESC}[?25h${ESC}[?1049l`),
  };
}
