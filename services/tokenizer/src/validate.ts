/** Checks of requests, before any work; each error names the field and the limit. */
import { TrimtabError } from "#kit/errors.ts";
import { REQUEST_LIMITS } from "../limits.ts";

const ROLES = new Set(["system", "user", "assistant"]);

/** @throws TrimtabError TOO_LARGE, INVALID_ARGUMENT. */
export function checkTexts(texts: readonly string[]): void {
  checkCount(texts.length, REQUEST_LIMITS.texts, "texts");
  const sizes = texts.map((text, at) => checkText(text, `texts[${at}]`));
  checkBytes(
    sizes.reduce((sum, size) => sum + size, 0),
    REQUEST_LIMITS.requestBytes,
    "texts",
  );
}

/** Size of a text in bytes. @throws TrimtabError TOO_LARGE, INVALID_ARGUMENT for a lone surrogate. */
export function checkText(text: string, field: string): number {
  const bytes = Buffer.byteLength(text);
  checkBytes(bytes, REQUEST_LIMITS.textBytes, field);
  if (!text.isWellFormed()) {
    throw new TrimtabError("INVALID_ARGUMENT", `${field} is not well-formed Unicode`, { field });
  }
  return bytes;
}

/** @throws TrimtabError TOO_LARGE, FIELD_OUT_OF_RANGE. */
export function checkIds(ids: readonly number[], vocabularySize: number): void {
  checkCount(ids.length, REQUEST_LIMITS.ids, "ids");
  const at = ids.findIndex((id) => !(Number.isInteger(id) && id >= 0 && id < vocabularySize));
  if (at < 0) return;
  throw new TrimtabError("FIELD_OUT_OF_RANGE", `ids[${at}] is ${ids[at]}, not in the vocabulary`, {
    field: `ids[${at}]`,
    limit: vocabularySize - 1,
  });
}

/** @throws TrimtabError FIELD_REQUIRED, TOO_LARGE, INVALID_ARGUMENT. */
export function checkMessages(messages: readonly { role: string; content: string }[]): void {
  if (messages.length === 0) {
    throw new TrimtabError("FIELD_REQUIRED", "a conversation needs a message", { field: "messages" });
  }
  checkCount(messages.length, REQUEST_LIMITS.messages, "messages");
  let bytes = 0;
  messages.forEach(({ role, content }, at) => {
    if (!ROLES.has(role)) {
      const field = `messages[${at}].role`;
      throw new TrimtabError("INVALID_ARGUMENT", `${field} must be system, user or assistant`, { field });
    }
    bytes += checkText(content, `messages[${at}].content`);
  });
  checkBytes(bytes, REQUEST_LIMITS.textBytes, "messages");
}

function checkCount(count: number, limit: number, field: string): void {
  if (count <= limit) return;
  throw new TrimtabError("TOO_LARGE", `${field} has ${count} entries, the limit is ${limit}`, {
    field,
    limit,
  });
}

function checkBytes(bytes: number, limit: number, field: string): void {
  if (bytes <= limit) return;
  throw new TrimtabError("TOO_LARGE", `${field} has ${bytes} bytes, the limit is ${limit}`, {
    field,
    limit: `${limit} bytes`,
  });
}
