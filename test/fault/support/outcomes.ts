/** What becomes of a call, as one word to be counted by. */
import { fromConnectError } from "#kit/errors.ts";

/** The reason of a refusal; of a failure nobody asks for also what was said, so that its cause can be found. */
export function named(error: unknown): string {
  const { reason } = fromConnectError(error);
  return reason === "INTERNAL" ? `${reason} ${String(error)}` : reason;
}

/** "ok", or how a call failed. */
export async function connectReason(work: Promise<unknown>): Promise<string> {
  return await work.then(() => "ok", named);
}
