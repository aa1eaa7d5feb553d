/**
 * How a template writes calls of functions, told by what it makes of one: templates say it nowhere, and the words they use for it
 * (`tool_calls`, `<tool_call>`) stand in those of other syntaxes, too. The trial call is one that Mistral's templates take, too: their ids
 * have nine letters and digits. A template that does not show the model the functions it may
 * call, or refuses their answers, has no syntax. Cost: one or two renderings a template.
 */
import { ToolSyntax } from "#proto/trimtab/type/v1/generation_pb.ts";
import type { TemplateConversation, TemplateMessage, TemplateTool } from "./template.worker.ts";

/** What each syntax makes of the trial call. */
const SYNTAXES: readonly { readonly syntax: ToolSyntax; readonly written: RegExp }[] = [
  {
    syntax: ToolSyntax.HERMES,
    written: /<tool_call>\s*\{"name": ?"trial_call", ?"arguments": ?\{"trial_key": ?7\}\}\s*<\/tool_call>/,
  },
  {
    syntax: ToolSyntax.LLAMA,
    written:
      /<\|end_header_id\|>\s*\{"name": ?"trial_call", ?"parameters": ?\{"trial_key": ?7\}\}\s*<\|eot_id\|>/,
  },
  {
    syntax: ToolSyntax.MISTRAL,
    written:
      /\[TOOL_CALLS\]\s*\[\{"name": ?"trial_call", ?"arguments": ?\{"trial_key": ?7\}(, ?"id": ?"trialcall")?\}\]/,
  },
];

const ASKED: TemplateMessage = { role: "user", content: "x" };
const TOOL: TemplateTool = {
  type: "function",
  function: { name: "trial_tool", description: "x", parameters: { type: "object", properties: {} } },
};
const CALL = {
  id: "trialcall",
  type: "function" as const,
  function: { name: "trial_call", arguments: { trial_key: 7 } },
};
const CALLED: readonly TemplateMessage[] = [
  ASKED,
  { role: "assistant", content: "", tool_calls: [CALL] },
  { role: "tool", content: "trial_answer", tool_call_id: CALL.id, name: CALL.function.name },
];

/** The syntax of the template that `render` renders with. */
export async function findToolSyntax(
  render: (conversation: TemplateConversation) => Promise<string>,
): Promise<ToolSyntax> {
  try {
    const offered = await render({ messages: [ASKED], tools: [TOOL] });
    if (!offered.includes(TOOL.function.name)) return ToolSyntax.UNSPECIFIED;
    const called = await render({ messages: CALLED, tools: [TOOL] });
    const known = SYNTAXES.find(({ written }) => written.test(called));
    return known && called.includes("trial_answer") ? known.syntax : ToolSyntax.UNSPECIFIED;
  } catch {
    // A template that fails on what it does not know still renders ordinary conversations.
    return ToolSyntax.UNSPECIFIED;
  }
}
