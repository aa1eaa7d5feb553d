/** Thread that renders chat templates: they are programs from a model file, so this thread must be killable. */
import { Template } from "@huggingface/jinja";
import { threadPath } from "./thread-time.ts";

/** A message as templates see it. */
export interface TemplateMessage {
  readonly role: string;
  readonly content: string;
}

/** The first message sets the template; later ones render it for each of `conversations`. */
export type TemplateRequest =
  | { readonly template: string; readonly tokens: { readonly bos_token: string; readonly eos_token: string } }
  | {
      readonly conversations: readonly (readonly TemplateMessage[])[];
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
      (messages) => render?.({ messages, add_generation_prompt: request.addGenerationPrompt }) ?? "",
    );
    const isTooLong = texts.some((text) => Buffer.byteLength(text) > request.outputBytes);
    return isTooLong ? { kind: "too_much", what: "renders too much text" } : { kind: "rendered", texts };
  } catch (error) {
    // The stack or the memory of the thread ran out.
    if (error instanceof RangeError) return { kind: "too_much", what: `needs too much: ${error.message}` };
    return { kind: "refused", message: error instanceof Error ? error.message : String(error) };
  }
}
