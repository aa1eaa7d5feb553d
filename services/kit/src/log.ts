/**
 * Structured log: one JSON object a line on standard error. Values are capped and control characters escaped (by
 * JSON); callers never pass prompt text or keys, and whatever they pass is cut to 1,000 characters a field.
 */
import { LOG_LIMITS } from "./limits.ts";

/** Severity, in rising order. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** What may stand in a log line. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Writes log lines for one component. */
export interface Logger {
  log(level: LogLevel, message: string, fields?: LogFields): void;
  /** A logger that adds `fields` to every line. */
  with(fields: LogFields): Logger;
}

const ORDER: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/** Options of {@link createLogger}. */
export interface LoggerOptions {
  /** Lines below this level are dropped; default from `TRIMTAB_LOG`, else `warn`. */
  readonly level?: LogLevel;
  readonly write?: (line: string) => void;
}

/** Creates the logger of a component, for example `forward`. */
export function createLogger(component: string, options: LoggerOptions = {}): Logger {
  const level = options.level ?? levelFrom(process.env.TRIMTAB_LOG);
  const write = options.write ?? writeUnlessBlocked;
  const make = (fixed: LogFields): Logger => ({
    log(severity, message, fields = {}) {
      if (ORDER[severity] < ORDER[level]) return;
      const line: Record<string, unknown> = { time: new Date().toISOString(), level: severity, component };
      for (const [key, value] of Object.entries({ message, ...fixed, ...fields })) line[key] = cap(value);
      write(`${JSON.stringify(line).replace(/[\u007f-\u009f\u2028\u2029]/g, escape)}\n`);
    },
    with: (fields) => make({ ...fixed, ...fields }),
  });
  return make({});
}

let droppedLines = 0;

/** Standard error, unless nobody reads it: lines are dropped then, and counted when it is read again. */
function writeUnlessBlocked(line: string): void {
  if (process.stderr.writableLength > LOG_LIMITS.waitingBytes) return void droppedLines++;
  if (droppedLines > 0) {
    const fields = {
      time: new Date().toISOString(),
      level: "warn",
      component: "log",
      message: "lines were dropped",
    };
    process.stderr.write(`${JSON.stringify({ ...fields, lines: droppedLines })}\n`);
    droppedLines = 0;
  }
  process.stderr.write(line);
}

function levelFrom(text: string | undefined): LogLevel {
  return text !== undefined && Object.hasOwn(ORDER, text) ? (text as LogLevel) : "warn";
}

function cap(value: string | number | boolean | undefined): unknown {
  return typeof value === "string" && value.length > LOG_LIMITS.fieldChars
    ? `${value.slice(0, LOG_LIMITS.fieldChars)}…`
    : value;
}

function escape(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
