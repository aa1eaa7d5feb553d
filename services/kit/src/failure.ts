/**
 * How a failure is told to a person at a terminal, the exit status that goes with it (numbers of sysexits), and which of them
 * no new start can change.
 */
import { Code, ConnectError } from "@connectrpc/connect";
import { fromConnectError, type Reason, TrimtabError } from "./errors.ts";

/** Every status a process of ours fails with on purpose. */
export const EXIT = {
  failure: 1,
  /** Arguments or configuration that are wrong. */
  usage: 64,
  /** A model or artifact that is broken, too large, or beyond what is built here. */
  unfit: 65,
  /** A model or artifact that is not there. */
  missing: 66,
  unavailable: 69,
  /** The process cannot go on: whoever supervises it starts it again. */
  broken: 70,
  /** A second signal: nothing more is waited for. */
  interrupted: 130,
} as const;

/** One line for a person: the reason, the message, the field and the limit. */
export function failureText(error: unknown): string {
  const known = typed(error);
  if (!known) return error instanceof Error ? error.message : String(error);
  const field = known.field === undefined ? "" : ` (field ${known.field})`;
  const limit = known.limit === undefined ? "" : ` (limit ${known.limit})`;
  const hint = isNobodyThere(error) ? "; `trimtab serve` starts what `--address` can name" : "";
  return `${known.message}${field}${limit}${hint} [${known.reason}]`;
}

/** Whether no server said this: there was none at the address, or it went away. */
function isNobodyThere(error: unknown): boolean {
  return error instanceof ConnectError && error.code === Code.Unavailable && !error.isWireError;
}

/** Exit status of a failed command. */
export function exitStatusOf(error: unknown): number {
  switch (typed(error)?.reason) {
    case "SERVICE_UNAVAILABLE":
      return EXIT.unavailable;
    case "INVALID_ARGUMENT":
    case "FIELD_REQUIRED":
    case "FIELD_OUT_OF_RANGE":
    case "UNKNOWN_FIELD":
    case "CONTEXT_OVERFLOW":
      return EXIT.usage;
    case "ARTIFACT_NOT_FOUND":
    case "MODEL_NOT_FOUND":
    case "RECIPE_NOT_FOUND":
      return EXIT.missing;
    case "ARTIFACT_INVALID":
    case "ARTIFACT_CORRUPT":
    case "ARTIFACT_INCOMPATIBLE":
    case "SHAPE_MISMATCH":
    case "DTYPE_MISMATCH":
    case "NON_FINITE":
    case "TOKENIZER_INVALID":
    case "BACKEND_CAPABILITY":
    case "UNSUPPORTED":
    case "TOO_LARGE":
      return EXIT.unfit;
    default:
      return EXIT.failure;
  }
}

/** The reason behind a status that every new start would end with again; undefined: another start may help. */
export function permanentReasonOf(status: number | null): Reason | undefined {
  switch (status) {
    case EXIT.usage:
      return "INVALID_ARGUMENT";
    case EXIT.unfit:
      return "ARTIFACT_INVALID";
    case EXIT.missing:
      return "ARTIFACT_NOT_FOUND";
    default:
      return undefined;
  }
}

/** Runs a program; a failure is one line on standard error and an exit status. */
export async function runProgram(name: string, run: () => Promise<unknown>): Promise<void> {
  try {
    await run();
  } catch (error) {
    process.stderr.write(`${name}: ${failureText(error)}\n`);
    process.exit(exitStatusOf(error));
  }
}

function typed(error: unknown): TrimtabError | undefined {
  if (error instanceof TrimtabError) return error;
  return error instanceof ConnectError ? fromConnectError(error) : undefined;
}
