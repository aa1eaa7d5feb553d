/** Why a chat template renders nothing. */
import { TrimtabError } from "#kit/errors.ts";
import { TEMPLATE_LIMITS } from "../limits.ts";

const FIELD = "tokenizer.chat_template";

/** A template that takes, needs or makes too much. */
export function tooMuch(problem: string, limit: number): TrimtabError {
  return new TrimtabError("TEMPLATE_LIMIT", `the chat template ${problem}`, { field: FIELD, limit });
}

/** A template that refuses a conversation, or cannot be read, in its words. */
export function refusedBy(error: unknown): TrimtabError {
  const message = (error instanceof Error ? error.message : String(error))
    .replaceAll(/[^\x20-\x7e\u00a0-\uffff]/g, " ")
    .slice(0, TEMPLATE_LIMITS.messageChars);
  return new TrimtabError("TEMPLATE_INVALID", `the chat template refuses: ${message}`, { field: FIELD });
}
