/** Thread that renders chat templates: they are programs from a model file, so this thread must be killable. */
import { Template } from "@huggingface/jinja";
import { doJobs } from "#kit/job-thread.ts";
import { toPlain } from "#kit/plain-error.ts";
import { TEMPLATE_LIMITS } from "../limits.ts";
import { refusedBy, tooMuch } from "./template-errors.ts";

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

/** What the thread is made for. */
export interface TemplateSetup {
  readonly template: string;
  readonly tokens: { readonly bos_token: string; readonly eos_token: string };
}

/** Conversations to render, in order. */
export interface TemplateJob {
  readonly conversations: readonly TemplateConversation[];
  readonly addGenerationPrompt: boolean;
}

declare const self: Worker;

doJobs(
  self,
  ({ template: source, tokens }: TemplateSetup) => {
    const template = saying(() => new Template(source));
    return ({ conversations, addGenerationPrompt }: TemplateJob): readonly string[] => {
      const more = { ...tokens, add_generation_prompt: addGenerationPrompt };
      const texts = saying(() => conversations.map((one) => template.render({ ...more, ...one })));
      const { outputBytes } = TEMPLATE_LIMITS;
      if (texts.some((text) => Buffer.byteLength(text) > outputBytes))
        throw tooMuch("renders too much text", outputBytes);
      return texts;
    };
  },
  (error) =>
    toPlain(tooMuch(`needs too much: ${(error as RangeError).message}`, TEMPLATE_LIMITS.outputBytes)),
);

/** Work of a template, whose errors are refusals; but when the stack or the memory of the thread runs out, the thread is spent. */
function saying<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof RangeError ? error : refusedBy(error);
  }
}
