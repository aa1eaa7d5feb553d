/** What XGrammar says is wrong with a grammar: it says so nowhere but on the console, and ends. Imported before its first use, in a thread. */

/** What stands before the library's own words. */
const FATAL = /^\[FATAL\] \S+:\d+: (?:Check failed: .*? is false: )?/s;

const complaints: string[] = [];
console.error = (...parts: unknown[]) => void complaints.push(parts.join(" "));
console.warn = () => undefined;

/** Forgets what was said of another grammar. */
export function forgetComplaints(): void {
  complaints.length = 0;
}

/** Why the library ended, or else the error's own words. */
export function complaintOf(error: unknown): string {
  const fatal = complaints.find((line) => line.startsWith("[FATAL]"));
  return fatal?.replace(FATAL, "") ?? (error instanceof Error ? error.message : String(error));
}
