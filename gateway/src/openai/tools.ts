/** Messages, functions and calls in OpenAI's shapes, and in our schema. What names and schemas may be, the flow checks. */
import { create } from "@bufbuild/protobuf";
import { z } from "zod";
import { TrimtabError } from "#kit/errors.ts";
import {
  type Conversation,
  ConversationSchema,
  ToolChoiceMode,
} from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import type { ToolCall } from "#proto/trimtab/type/v1/generation_pb.ts";
import { LIMITS } from "../limits.ts";

const textPart = z.strictObject({ type: z.literal("text"), text: z.string() });
const call = z.strictObject({
  id: z.string(),
  type: z.literal("function"),
  function: z.strictObject({ name: z.string(), arguments: z.string() }),
});
const message = z.strictObject({
  role: z.enum(["system", "developer", "user", "assistant", "tool"]),
  content: z.union([z.string(), z.array(textPart)]).nullish(),
  name: z.string().optional(),
  tool_calls: z.array(call).optional(),
  tool_call_id: z.string().optional(),
});
const tool = z.strictObject({
  type: z.literal("function"),
  function: z.strictObject({
    name: z.string(),
    description: z.string().nullish(),
    parameters: z.record(z.string(), z.unknown()).nullish(),
    strict: z.boolean().nullish(),
  }),
});
const choice = z.union([
  z.enum(["none", "auto", "required"]),
  z.strictObject({ type: z.literal("function"), function: z.strictObject({ name: z.string() }) }),
]);

/** Fields of a chat that make its conversation. */
export const conversationShapes = {
  messages: z.array(message).min(1).max(LIMITS.messages),
  continue_final_message: z.boolean().optional(),
  tools: z.array(tool).optional(),
  tool_choice: choice.optional(),
  parallel_tool_calls: z.boolean().optional(),
};
type ConversationBody = z.infer<z.ZodObject<typeof conversationShapes>>;

const MODES = {
  auto: ToolChoiceMode.UNSPECIFIED,
  none: ToolChoiceMode.NONE,
  required: ToolChoiceMode.REQUIRED,
} as const;

/** The conversation of a body. @throws TrimtabError for a message that says nothing */
export function conversationOf(body: ConversationBody): Conversation {
  const { messages, continue_final_message: continueFinal = false, tools = [] } = body;
  return create(ConversationSchema, {
    messages: messages.map(toMessage),
    continueFinal,
    tools: tools.map(({ function: { name, description, parameters, strict } }) => ({
      ...{ name, description: description ?? "", strict: strict ?? false },
      parameters: parameters ? JSON.stringify(parameters) : "",
    })),
    toolChoice: {
      single: body.parallel_tool_calls === false,
      ...(typeof body.tool_choice === "object"
        ? { mode: ToolChoiceMode.REQUIRED, function: body.tool_choice.function.name }
        : { mode: MODES[body.tool_choice ?? "auto"] }),
    },
  });
}

/** Calls of a choice in an answer. */
export function toolCallsJson(calls: readonly ToolCall[]): object[] {
  return calls.map(({ id, name, arguments: given }) => ({
    ...{ id, type: "function" },
    function: { name, arguments: given },
  }));
}

function toMessage(given: z.infer<typeof message>, index: number) {
  const { role, content, name = "", tool_calls: calls = [], tool_call_id: toolCallId = "" } = given;
  if ((content ?? undefined) === undefined && calls.length === 0) {
    const field = `messages[${index}].content`;
    const reason = content === null ? "INVALID_ARGUMENT" : "FIELD_REQUIRED";
    throw new TrimtabError(reason, `${field}: only a message that calls may leave it out`, { field });
  }
  return {
    ...{ role: role === "developer" ? "system" : role, name, toolCallId },
    // Parts are paragraphs, as for llama.cpp and vLLM: put end to end, words of two would be one.
    content: typeof content === "string" ? content : (content ?? []).map((part) => part.text).join("\n"),
    toolCalls: calls.map(({ id, function: called }) => ({ id, ...called })),
  };
}
