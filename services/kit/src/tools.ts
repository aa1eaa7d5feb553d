/**
 * Functions that an answer may call, and calls in conversations: what they may be, wherever they enter. Their JSON travels as text; what
 * is checked here parses, is an object, and is neither deep nor ambiguous.
 */
import type { ChatMessage, Tool, ToolCall } from "#proto/trimtab/type/v1/generation_pb.ts";
import { TrimtabError } from "./errors.ts";
import { isJsonObject } from "./json-file.ts";
import { scanJson } from "./json-scan.ts";
import { TOOL_LIMITS } from "./limits.ts";
import { checkText, sizeChecks } from "./sizes.ts";

const { checkBytes, checkCount } = sizeChecks("FIELD_OUT_OF_RANGE");

/** What functions may be called. */
export const TOOL_NAME = /^[a-zA-Z0-9_-]{1,64}$/;

/** What stands before calls and after them, by who writes them so; "": they go on to the end of the answer. */
export const SYNTAX_MARKS = {
  hermes: { open: "<tool_call>", close: "</tool_call>" },
  llama: { open: "<|python_tag|>", close: "" },
  mistral: { open: "[TOOL_CALLS]", close: "" },
} as const;

/** All of them: text, even where a vocabulary has them as control tokens. */
export const CALL_MARKS: ReadonlySet<string> = new Set(
  Object.values(SYNTAX_MARKS).flatMap(({ open, close }) => [open, close].filter((mark) => mark !== "")),
);

/** Every text of a conversation that a template may write. */
export function textsOfConversation(messages: readonly ChatMessage[], tools: readonly Tool[]): string[] {
  return [
    ...messages.flatMap(({ content, name, toolCalls }) => [
      ...[content, name],
      ...toolCalls.flatMap((call) => [call.id, call.name, call.arguments]),
    ]),
    ...tools.flatMap(({ name, description, parameters }) => [name, description, parameters]),
  ];
}

/** What tools, calls and their answers are refused with where the model's template would leave them out. */
export function noSyntax(field: string): TrimtabError {
  const message = "the model's chat template writes calls of functions in no known syntax";
  return new TrimtabError("UNSUPPORTED", message, { field });
}

/** @throws TrimtabError FIELD_OUT_OF_RANGE, INVALID_ARGUMENT, naming a part of `field`. */
export function checkTools(tools: readonly Tool[], field: string): void {
  checkCount(field, tools.length, TOOL_LIMITS.tools, "functions");
  const names = new Set<string>();
  tools.forEach(({ name, description, parameters }, index) => {
    const at = `${field}[${index}]`;
    checkName(name, `${at}.name`);
    if (names.has(name)) throw invalid(`${at}.name`, `is ${name}, as that of another function`);
    names.add(name);
    checkText(`${at}.description`, description);
    if (parameters !== "") checkSchema(parameters, `${at}.parameters`);
  });
}

/**
 * Throws unless only assistants call, what they call is well formed, and what tools say answers a call before it.
 * @throws TrimtabError FIELD_REQUIRED, FIELD_OUT_OF_RANGE, INVALID_ARGUMENT, naming a part of `field`
 */
export function checkToolMessages(messages: readonly ChatMessage[], field: string): void {
  const made = new Set<string>();
  messages.forEach(({ role, toolCalls, toolCallId, name }, index) => {
    const at = `${field}[${index}]`;
    checkChars(name, TOOL_LIMITS.nameChars, `${at}.name`);
    if (toolCalls.length > 0 && role !== "assistant")
      throw invalid(`${at}.tool_calls`, "are those of a message that is not the assistant's");
    checkCount(`${at}.tool_calls`, toolCalls.length, TOOL_LIMITS.calls, "calls");
    toolCalls.forEach((call, nth) => checkCall(call, `${at}.tool_calls[${nth}]`));
    if (role === "tool" && toolCallId === "")
      throw new TrimtabError("FIELD_REQUIRED", `${at}.tool_call_id is needed`, {
        field: `${at}.tool_call_id`,
      });
    if (role === "tool" ? !made.has(toolCallId) : toolCallId !== "")
      throw invalid(`${at}.tool_call_id`, "answers no call of a message before it");
    for (const { id } of toolCalls) made.add(id);
  });
}

function checkCall({ id, name, arguments: given }: ToolCall, at: string): void {
  if (id === "") throw new TrimtabError("FIELD_REQUIRED", `${at}.id is needed`, { field: `${at}.id` });
  checkChars(id, TOOL_LIMITS.callIdChars, `${at}.id`);
  checkName(name, `${at}.name`);
  checkObject(given, TOOL_LIMITS.argumentDepth, `${at}.arguments`);
}

function checkSchema(schema: string, field: string): void {
  checkBytes(field, schema, TOOL_LIMITS.parameterBytes);
  checkObject(schema, TOOL_LIMITS.parameterDepth, field);
}

function checkObject(json: string, depth: number, field: string): void {
  const fault = faultOfObject(json, depth);
  if (fault !== undefined) throw invalid(field, fault, depth);
}

/** What is wrong with a text that should be a JSON object of well-formed texts, at most so deep. */
export function faultOfObject(json: string, depth: number): string | undefined {
  return faultOfJson(json, depth) ?? (isJsonObject(JSON.parse(json)) ? undefined : "is no JSON object");
}

/** What is wrong with a text that should be JSON of well-formed texts, at most so deep. */
export function faultOfJson(json: string, depth: number): string | undefined {
  const fault = scanJson(json, depth);
  if (fault !== undefined) return fault;
  let isText = true;
  JSON.parse(json, (key: string, part: unknown) => {
    isText &&= key.isWellFormed() && (typeof part !== "string" || part.isWellFormed());
    return part;
  });
  return isText ? undefined : "holds half of a surrogate pair";
}

function checkName(name: string, field: string): void {
  if (TOOL_NAME.test(name)) return;
  const message = `${field} must be 1 to ${TOOL_LIMITS.nameChars} letters, digits, _ or -`;
  throw new TrimtabError("INVALID_ARGUMENT", message, { field, limit: TOOL_NAME.source });
}

function checkChars(text: string, limit: number, field: string): void {
  checkText(field, text);
  checkCount(field, text.length, limit, "characters");
}

function invalid(field: string, problem: string, limit?: number): TrimtabError {
  return new TrimtabError("INVALID_ARGUMENT", `${field} ${problem}`, {
    field,
    ...(limit === undefined ? {} : { limit }),
  });
}
