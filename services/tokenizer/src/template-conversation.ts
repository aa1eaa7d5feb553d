/** Conversations of the schema as templates see them: the variables are those of transformers, JSON is values. */
import { digitsOf, parseExactly } from "#kit/exact-json.ts";
import type { ChatMessage, Tool, ToolCall } from "#proto/trimtab/type/v1/generation_pb.ts";
import type { TemplateCall, TemplateConversation, TemplateMessage, TemplateTool } from "./template.worker.ts";

/** A checked conversation; what is not given is no variable. */
export function toConversation(
  messages: readonly ChatMessage[],
  tools: readonly Tool[],
): TemplateConversation {
  return { messages: messages.map(toMessage), ...(tools.length > 0 && { tools: tools.map(toTool) }) };
}

/** The conversation with another text in place of each that a client wrote, in whatever depth, and `written` in place of its exact numbers. */
export function withTexts(
  { messages, tools }: TemplateConversation,
  change: (text: string) => string,
  written: (digits: string) => string | number = Number,
): TemplateConversation {
  const within = (value: unknown): unknown => {
    if (typeof value === "string") return change(value);
    const digits = digitsOf(value);
    if (digits !== undefined) return written(digits);
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map(within);
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [change(key), within(part)]));
  };
  const ofCall = ({ id, type, function: called }: TemplateCall): TemplateCall => ({
    ...{ id: change(id), type },
    function: { name: change(called.name), arguments: within(called.arguments) },
  });
  const ofMessage = ({
    role,
    content,
    name,
    tool_call_id,
    tool_calls,
  }: TemplateMessage): TemplateMessage => ({
    ...{ role, content: change(content) },
    ...(name !== undefined && { name: change(name) }),
    ...(tool_call_id !== undefined && { tool_call_id: change(tool_call_id) }),
    ...(tool_calls && { tool_calls: tool_calls.map(ofCall) }),
  });
  const ofTool = ({ type, function: { name, description, parameters } }: TemplateTool): TemplateTool => ({
    type,
    function: {
      name: change(name),
      ...(description !== undefined && { description: change(description) }),
      ...(parameters !== undefined && { parameters: within(parameters) }),
    },
  });
  return { messages: messages.map(ofMessage), ...(tools && { tools: tools.map(ofTool) }) };
}

function toMessage({ role, content, name, toolCallId, toolCalls }: ChatMessage): TemplateMessage {
  return {
    ...{ role, content },
    ...(name !== "" && { name }),
    ...(toolCallId !== "" && { tool_call_id: toolCallId }),
    ...(toolCalls.length > 0 && { tool_calls: toolCalls.map(toCall) }),
  };
}

function toCall({ id, name, arguments: json }: ToolCall): TemplateCall {
  return { id, type: "function", function: { name, arguments: parseExactly(json) } };
}

function toTool({ name, description, parameters }: Tool): TemplateTool {
  return {
    type: "function",
    function: {
      name,
      ...(description !== "" && { description }),
      ...(parameters !== "" && { parameters: JSON.parse(parameters) as unknown }),
    },
  };
}
