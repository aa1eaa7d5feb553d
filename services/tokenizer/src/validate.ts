/** Checks of requests to the tokenizer; each names the field and the limit. */
import { TrimtabError } from "#kit/errors.ts";
import { TOKENIZER_LIMITS } from "../limits.ts";
import type { TokenizerFile } from "./model-file.ts";

const ROLES = new Set(["system", "user", "assistant"]);

/** @throws TrimtabError MODEL_NOT_FOUND unless the digest is empty or the served model's. */
export function checkModel(modelDigest: string, file: TokenizerFile): void {
  if (modelDigest === "" || modelDigest === file.modelDigest) return;
  throw new TrimtabError("MODEL_NOT_FOUND", "this tokenizer serves another model", { field: "model_digest" });
}

/** @throws TrimtabError TOO_LARGE, INVALID_ARGUMENT (a lone surrogate). */
export function checkText(text: string, field: string): void {
  if (text.length > TOKENIZER_LIMITS.textBytes || Buffer.byteLength(text) > TOKENIZER_LIMITS.textBytes)
    throw new TrimtabError("TOO_LARGE", "the text is too long", { field, limit: TOKENIZER_LIMITS.textBytes });
  if (!text.isWellFormed())
    throw new TrimtabError("INVALID_ARGUMENT", "the text is not well-formed Unicode", { field });
}

/** @throws TrimtabError TOO_LARGE, FIELD_OUT_OF_RANGE. */
export function checkIds(ids: readonly number[], file: TokenizerFile): void {
  if (ids.length > TOKENIZER_LIMITS.ids)
    throw new TrimtabError("TOO_LARGE", "too many ids", { field: "ids", limit: TOKENIZER_LIMITS.ids });
  const at = ids.findIndex((id) => id >= file.tokens.length);
  if (at >= 0)
    throw new TrimtabError("FIELD_OUT_OF_RANGE", `${ids[at]} is not a token id`, {
      field: `ids[${at}]`,
      limit: file.tokens.length,
    });
}

/** @throws TrimtabError FIELD_REQUIRED, TOO_LARGE, INVALID_ARGUMENT. */
export function checkMessages(messages: readonly { role: string; content: string }[]): void {
  if (messages.length === 0)
    throw new TrimtabError("FIELD_REQUIRED", "a conversation needs at least one message", {
      field: "messages",
    });
  if (messages.length > TOKENIZER_LIMITS.messages)
    throw new TrimtabError("TOO_LARGE", "too many messages", {
      field: "messages",
      limit: TOKENIZER_LIMITS.messages,
    });
  let bytes = 0;
  for (const [index, { role, content }] of messages.entries()) {
    if (!ROLES.has(role))
      throw new TrimtabError("INVALID_ARGUMENT", "a role is system, user or assistant", {
        field: `messages[${index}].role`,
      });
    checkText(content, `messages[${index}].content`);
    bytes += Buffer.byteLength(content);
  }
  if (bytes > TOKENIZER_LIMITS.textBytes)
    throw new TrimtabError("TOO_LARGE", "the conversation is too long", {
      field: "messages",
      limit: TOKENIZER_LIMITS.textBytes,
    });
}
