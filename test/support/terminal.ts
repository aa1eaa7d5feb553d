/** A command at a pseudo-terminal of its own: what it drew, and keys for it. */
import { join } from "node:path";

const MAIN = join(import.meta.dir, "..", "..", "cli", "main.ts");
const PATIENCE_MS = 60_000;
const POLL_MS = 20;

/** The command. */
export interface AtTerminal {
  /** Everything it wrote, escapes and all. */
  text(): string;
  type(keys: string): void;
  /** Waits for `part` in what was written after the part waited for last. @throws Error with what was written instead */
  seen(part: string): Promise<void>;
  /** Its exit status. */
  ended(): Promise<number>;
}

/** Starts `trimtab …` in a window of this size. */
export function startAtTerminal(
  args: readonly string[],
  { columns, rows }: { readonly columns: number; readonly rows: number },
  env: Readonly<Record<string, string>> = {},
): AtTerminal {
  let written = "";
  let seenEnd = 0;
  const decoder = new TextDecoder();
  const { NO_COLOR: _, ...own } = process.env;
  const child = Bun.spawn([process.execPath, MAIN, ...args], {
    terminal: {
      ...{ cols: columns, rows },
      data: (_terminal, data) => void (written += decoder.decode(data, { stream: true })),
    },
    env: { ...own, TERM: "xterm-256color", ...env },
  });
  return {
    text: () => written,
    type: (keys) => void child.terminal?.write(keys),
    async seen(part) {
      const until = performance.now() + PATIENCE_MS;
      while (!written.includes(part, seenEnd)) {
        if (performance.now() > until || child.exitCode !== null)
          throw new Error(`${JSON.stringify(part)} was not seen in ${JSON.stringify(written.slice(-2_000))}`);
        await Bun.sleep(POLL_MS);
      }
      seenEnd = written.indexOf(part, seenEnd) + part.length;
    },
    ended: () => child.exited,
  };
}
