/** Checks of requests, before any work; each error names the field and the limit. */
import { TrimtabError } from "#kit/errors.ts";
import { checkToolMessages, checkTools, textsOfConversation } from "#kit/tools.ts";
import type { ChatMessage, Tool } from "#proto/trimtab/type/v1/generation_pb.ts";
import { REQUEST_LIMITS } from "../limits.ts";

const ROLES: readonly string[] = ["system", "user", "assistant", "tool"];

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

/** @throws TrimtabError FIELD_REQUIRED, FIELD_OUT_OF_RANGE, TOO_LARGE, INVALID_ARGUMENT. */
export function checkConversation(messages: readonly ChatMessage[], tools: readonly Tool[]): void {
  if (messages.length === 0) {
    throw new TrimtabError("FIELD_REQUIRED", "a conversation needs a message", { field: "messages" });
  }
  checkCount(messages.length, REQUEST_LIMITS.messages, "messages");
  checkTools(tools, "tools");
  messages.forEach(({ role, content }, at) => {
    if (!ROLES.includes(role)) {
      const field = `messages[${at}].role`;
      throw new TrimtabError("INVALID_ARGUMENT", `${field} must be one of ${ROLES.join(", ")}`, { field });
    }
    checkText(content, `messages[${at}].content`);
  });
  checkToolMessages(messages, "messages");
  checkBytes(
    textsOfConversation(messages, tools).reduce((sum, text) => sum + Buffer.byteLength(text), 0),
    REQUEST_LIMITS.textBytes,
    "messages",
  );
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
