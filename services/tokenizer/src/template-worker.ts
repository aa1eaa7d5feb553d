/**
 * Renders chat templates in a thread that can be ended: a template is code out of a file.
 */
import { Template } from "@huggingface/jinja";
import type { RenderAnswer, RenderRequest } from "./template-runner.ts";

declare const self: Worker;

/** Sentinels stand for contents: private-use characters around an index, so that no filter changes them. */
const sentinel = (nonce: string, index: number): string => `\uE000${nonce}${index}\uE001`;

self.onmessage = ({ data }: MessageEvent<RenderRequest>) => {
  self.postMessage(answer(data));
};
self.postMessage("ready");

function answer(request: RenderRequest): RenderAnswer {
  try {
    const template = new Template(request.template);
    const render = (messages: RenderRequest["messages"]): string =>
      template.render({
        messages,
        add_generation_prompt: request.addGenerationPrompt,
        bos_token: request.beginToken,
        eos_token: request.endToken,
      });
    const marked = request.messages.map((m, i) => ({ ...m, content: sentinel(request.nonce, i) }));
    return { text: render(request.messages), marked: render(marked) };
  } catch (error) {
    return { failure: error instanceof Error ? error.message : String(error) };
  }
}
