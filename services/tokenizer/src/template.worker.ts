/** Thread that renders chat templates: they are programs from a model file, so this thread must be killable. */
import { Template } from "@huggingface/jinja";
import { threadPath } from "./thread-time.ts";

/** A message as templates see it. */
export interface TemplateMessage {
  readonly role: string;
  readonly content: string;
  readonly name?: string;
  readonly tool_call_id?: string;
  readonly tool_calls?: readonly TemplateCall[];
}

/** A call as templates see it. */
export interface TemplateCall {
  readonly id: string;
  readonly type: "function";
  readonly function: { readonly name: string; readonly arguments: unknown };
}

/** A function that may be called, as templates see it. */
export interface TemplateTool {
  readonly type: "function";
  readonly function: { readonly name: string; readonly description?: string; readonly parameters?: unknown };
}

/** A conversation as templates see it; without tools they see none, as where none is given. */
export interface TemplateConversation {
  readonly messages: readonly TemplateMessage[];
  readonly tools?: readonly TemplateTool[];
}

/** The first message sets the template; later ones render it for each of `conversations`. */
export type TemplateRequest =
  | { readonly template: string; readonly tokens: { readonly bos_token: string; readonly eos_token: string } }
  | {
      readonly conversations: readonly TemplateConversation[];
      readonly addGenerationPrompt: boolean;
      readonly outputBytes: number;
    };

/**
 * The renderings, in order; or why there are none. `ready` answers the first message and tells where this
 * thread's processor time is found.
 */
export type TemplateAnswer =
  | { readonly kind: "ready"; readonly threadPath: string | undefined }
  | { readonly kind: "rendered"; readonly texts: readonly string[] }
  | { readonly kind: "refused"; readonly message: string }
  | { readonly kind: "too_much"; readonly what: string };

declare const self: Worker;

let render: ((variables: Record<string, unknown>) => string) | undefined;

self.onmessage = ({ data }: MessageEvent<TemplateRequest>) => {
  self.postMessage(answer(data));
};

function answer(request: TemplateRequest): TemplateAnswer {
  try {
    if ("template" in request) {
      const template = new Template(request.template);
      render = (variables) => template.render({ ...request.tokens, ...variables });
      return { kind: "ready", threadPath: threadPath() };
    }
    const texts = request.conversations.map(
      (conversation) =>
        render?.({ ...conversation, add_generation_prompt: request.addGenerationPrompt }) ?? "",
    );
    const isTooLong = texts.some((text) => Buffer.byteLength(text) > request.outputBytes);
    return isTooLong ? { kind: "too_much", what: "renders too much text" } : { kind: "rendered", texts };
  } catch (error) {
    // The stack or the memory of the thread ran out.
    if (error instanceof RangeError) return { kind: "too_much", what: `needs too much: ${error.message}` };
    return { kind: "refused", message: error instanceof Error ? error.message : String(error) };
  }
}
