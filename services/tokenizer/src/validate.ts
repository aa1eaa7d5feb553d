/** Checks of requests, before any work; each error names the field and the limit. */
import { TrimtabError } from "#kit/errors.ts";
import { checkText, sizeChecks } from "#kit/sizes.ts";
import { checkToolMessages, checkTools, textsOfConversation } from "#kit/tools.ts";
import type { ChatMessage, Tool } from "#proto/trimtab/type/v1/generation_pb.ts";
import { REQUEST_LIMITS } from "../limits.ts";

const { checkBytes, checkCount } = sizeChecks("TOO_LARGE");
const ROLES: readonly string[] = ["system", "user", "assistant", "tool"];

/** @throws TrimtabError TOO_LARGE, INVALID_ARGUMENT. */
export function checkTexts(texts: readonly string[]): void {
  checkCount("texts", texts.length, REQUEST_LIMITS.texts);
  texts.forEach((text, at) => checkOne(`texts[${at}]`, text));
  checkBytes("texts", texts, REQUEST_LIMITS.requestBytes);
}

/** @throws TrimtabError TOO_LARGE, INVALID_ARGUMENT for a lone surrogate. */
export function checkOne(field: string, text: string): void {
  checkBytes(field, text, REQUEST_LIMITS.textBytes);
  checkText(field, text);
}

/** @throws TrimtabError TOO_LARGE, FIELD_OUT_OF_RANGE. */
export function checkIds(ids: readonly number[], vocabularySize: number): void {
  checkCount("ids", ids.length, REQUEST_LIMITS.ids);
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
  checkCount("messages", messages.length, REQUEST_LIMITS.messages);
  checkTools(tools, "tools");
  messages.forEach(({ role, content }, at) => {
    if (!ROLES.includes(role)) {
      const field = `messages[${at}].role`;
      throw new TrimtabError("INVALID_ARGUMENT", `${field} must be one of ${ROLES.join(", ")}`, { field });
    }
    checkOne(`messages[${at}].content`, content);
  });
  checkToolMessages(messages, "messages");
  checkBytes("messages", textsOfConversation(messages, tools), REQUEST_LIMITS.textBytes);
}
