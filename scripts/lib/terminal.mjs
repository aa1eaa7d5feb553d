// What the scripts say to a person. Everything goes to standard error, so that standard output stays the program's own.
// On a terminal a step is one line that is redrawn; elsewhere (CI, a pipe) it is one plain line when it ends.

const TICK_MS = 100;
const ANNOUNCE_MS = 1_000;
const BAR_CELLS = 14;

const isTerminal = Boolean(process.stderr.isTTY) && process.env.TERM !== "dumb";
const isColoured = isTerminal && !process.env.NO_COLOR;

const paint = (code, text) => (isColoured ? `\u001b[${code}m${text}\u001b[0m` : text);

export const bold = (text) => paint("1", text);
export const dim = (text) => paint("2", text);
export const red = (text) => paint("31", text);
export const green = (text) => paint("32", text);

/** Formats a duration: `420 ms`, `3.2 s`, `2 min 5 s`. */
export function formatDuration(durationMs) {
  if (durationMs < 1000) return `${Math.round(durationMs)} ms`;
  const seconds = durationMs / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

/** Formats a size in the unit download tools use: `98.4 MB`. */
export const formatSize = (sizeBytes) => `${(sizeBytes / 1e6).toFixed(1)} MB`;

/** Prints one line. */
export const say = (text) => process.stderr.write(`${text}\n`);

/**
 * Starts a named step. `progress(done, total)` draws a bar (bytes), `note(text)` a remark, `end(text)` and `fail(text)` close it.
 * A step that is closed with nothing to tell (`clear`) leaves no trace.
 */
export function startStep(label) {
  const startedAt = Date.now();
  let detail = "";
  const elapsed = () => formatDuration(Date.now() - startedAt);
  const draw = () => {
    const width = (process.stderr.columns ?? 80) - 1;
    process.stderr.write(`\r\u001b[2K${`  ${label} ${detail} ${elapsed()}`.slice(0, width)}`);
  };
  // Without a terminal only a step that takes a while is announced.
  const timer = isTerminal ? setInterval(draw, TICK_MS) : setTimeout(() => say(`… ${label}`), ANNOUNCE_MS);

  const close = (mark, text) => {
    clearInterval(timer);
    if (isTerminal) process.stderr.write("\r\u001b[2K");
    if (mark) say(`${mark} ${text} ${dim(`(${elapsed()})`)}`);
  };
  return {
    progress(done, total) {
      const share = Math.min(1, done / total);
      const filled = Math.round(share * BAR_CELLS);
      const bar = "█".repeat(filled) + "░".repeat(BAR_CELLS - filled);
      detail = `${bar} ${String(Math.floor(share * 100)).padStart(3)} %  ${formatSize(done)} of ${formatSize(total)} `;
    },
    note(text) {
      detail = text;
    },
    end: (text = label) => close(green("✓"), text),
    fail: (text = label) => close(red("✗"), text),
    clear: () => close("", ""),
  };
}
