/** What a command ends with: lines for a person, or with `--json` one JSON value for a program. */
import type { Command } from "commander";

/** A command that can print JSON. */
export interface JsonOption {
  readonly json?: boolean;
}

/** Adds `--json`. */
export function addJsonOption(command: Command): Command {
  return command.option("--json", "print JSON");
}

/** Prints a result. */
export function printResult({ json = false }: JsonOption, value: unknown, lines: readonly string[]): void {
  const text = json ? JSON.stringify(value, null, 2) : lines.join("\n");
  if (text !== "") process.stdout.write(`${text}\n`);
}
