/**
 * How a failure is told to a person at a terminal, and the exit status that goes with it (sysexits).
 */
import { Code, ConnectError } from "@connectrpc/connect";
import { TrimtabError, fromConnectError } from "#kit/errors.ts";

const EXIT_FAILURE = 1;
const EXIT_USAGE = 64;
const EXIT_UNAVAILABLE = 69;

function typed(error: unknown): TrimtabError | undefined {
  if (error instanceof TrimtabError) return error;
  return error instanceof ConnectError ? fromConnectError(error) : undefined;
}

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
export function exitCodeOf(error: unknown): number {
  switch (typed(error)?.reason) {
    case undefined:
      return EXIT_FAILURE;
    case "SERVICE_UNAVAILABLE":
      return EXIT_UNAVAILABLE;
    case "INVALID_ARGUMENT":
    case "FIELD_REQUIRED":
    case "FIELD_OUT_OF_RANGE":
      return EXIT_USAGE;
    default:
      return EXIT_FAILURE;
  }
}
