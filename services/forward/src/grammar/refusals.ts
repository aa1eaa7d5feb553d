/** Why there is no grammar of a constraint. */
import { type Reason, TrimtabError } from "#kit/errors.ts";

const MESSAGE_CHARS = 300;

/** What the library, or the model's file, says against one. */
export function refusal(reason: Reason, message: string, field: string): TrimtabError {
  return new TrimtabError(reason, `${field}: ${message.trim().slice(0, MESSAGE_CHARS)}`, { field });
}

/** Work on one took too long. */
export function tookLonger(limitMs: number, field: string): TrimtabError {
  const message = `${field}: the grammar took longer than ${limitMs} ms`;
  return new TrimtabError("DEADLINE_EXCEEDED", message, { field, limit: `${limitMs} ms` });
}
