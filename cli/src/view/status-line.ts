/**
 * A line at the bottom of the terminal that stays while text scrolls above it: the scroll region leaves it out. Where nothing
 * can be redrawn, or the window is too low for it, it is not there.
 */
import { cutStyled, isInteractive } from "./style.ts";

const ESC = "\u001b";
const SAVE = `${ESC}7`;
const RESTORE = `${ESC}8`;
/** Rows below which the line would leave no room for text. */
const FEWEST_ROWS = 4;

/** The line. */
export interface StatusLine {
  show(text: string): void;
  /** Gives the row back. */
  close(): void;
}

/** Reserves the last row of standard output. */
export function createStatusLine(): StatusLine {
  const { stdout } = process;
  if (!isInteractive() || (stdout.rows ?? 0) < FEWEST_ROWS) return { show() {}, close() {} };
  let shown = "";
  const draw = (): void => {
    const text = cutStyled(shown, stdout.columns - 1);
    stdout.write(`${SAVE}${ESC}[${stdout.rows};1H${ESC}[2K${text}${RESTORE}`);
  };
  const reserve = (): void => {
    // A newline first: at the bottom it scrolls, so that the cursor is never in the reserved row.
    stdout.write(`\n${ESC}[1A${SAVE}${ESC}[1;${stdout.rows - 1}r${RESTORE}`);
    draw();
  };
  reserve();
  stdout.on("resize", reserve);
  return {
    show(text) {
      shown = text;
      draw();
    },
    close() {
      stdout.off("resize", reserve);
      stdout.write(`${SAVE}${ESC}[r${ESC}[${stdout.rows};1H${ESC}[2K${RESTORE}`);
    },
  };
}
