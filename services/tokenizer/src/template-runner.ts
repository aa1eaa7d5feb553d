/**
 * A chat template behind a thread with a kill timer: a rendering that takes too long ends with its thread, and a new
 * thread takes over. Cost: one message each way, ~0.2 ms.
 */
import { TrimtabError } from "#kit/errors.ts";
import { TOKENIZER_LIMITS } from "../limits.ts";

/** A message as templates see it. */
export interface TemplateMessage {
  readonly role: string;
  readonly content: string;
}

/** What the thread is asked. */
export interface RenderRequest {
  readonly template: string;
  readonly messages: readonly TemplateMessage[];
  readonly addGenerationPrompt: boolean;
  readonly beginToken: string;
  readonly endToken: string;
  /** Makes the sentinels unguessable. */
  readonly nonce: string;
}

/** The rendering, and the same with every content replaced by its sentinel; or why there is none. */
export type RenderAnswer = { readonly text: string; readonly marked: string } | { readonly failure: string };

/** Renders conversations. */
export interface TemplateRunner {
  /**
   * Renders one conversation.
   * @throws TrimtabError TEMPLATE_INVALID (the template refused, in its words), TEMPLATE_LIMIT (time or size).
   */
  render(
    messages: readonly TemplateMessage[],
    addGenerationPrompt: boolean,
    nonce: string,
  ): Promise<{ text: string; marked: string }>;
  close(): void;
}

const MAX_REASON_CHARS = 200;

/** A runner for one template. @throws TrimtabError TEMPLATE_LIMIT if the template itself is too large. */
export function createTemplateRunner(template: string, beginToken: string, endToken: string): TemplateRunner {
  if (Buffer.byteLength(template) > TOKENIZER_LIMITS.templateBytes)
    throw new TrimtabError("TEMPLATE_LIMIT", "the chat template is too large", {
      limit: TOKENIZER_LIMITS.templateBytes,
    });
  let thread = startThread();
  let queue: Promise<unknown> = Promise.resolve();

  async function run(request: RenderRequest): Promise<RenderAnswer> {
    const { worker, ready } = thread;
    await ready;
    const answered = Promise.withResolvers<RenderAnswer>();
    worker.onmessage = ({ data }: MessageEvent<RenderAnswer>) => answered.resolve(data);
    worker.onerror = () => answered.resolve({ failure: "the template could not be run" });
    const timer = setTimeout(() => {
      worker.terminate();
      thread = startThread();
      answered.reject(
        new TrimtabError("TEMPLATE_LIMIT", "the chat template takes too long", {
          limit: `${TOKENIZER_LIMITS.renderMs} ms`,
        }),
      );
    }, TOKENIZER_LIMITS.renderMs);
    worker.postMessage(request);
    try {
      return await answered.promise;
    } finally {
      clearTimeout(timer);
    }
  }
  return {
    async render(messages, addGenerationPrompt, nonce) {
      const request = { template, messages, addGenerationPrompt, beginToken, endToken, nonce };
      const turn = queue.then(() => run(request));
      queue = turn.catch(() => undefined);
      const answer = await turn;
      if ("failure" in answer)
        throw new TrimtabError(
          "TEMPLATE_INVALID",
          `the chat template refused: ${answer.failure.slice(0, MAX_REASON_CHARS)}`,
          { field: "messages" },
        );
      if (Buffer.byteLength(answer.text) > TOKENIZER_LIMITS.textBytes)
        throw new TrimtabError("TEMPLATE_LIMIT", "the rendered conversation is too long", {
          limit: TOKENIZER_LIMITS.textBytes,
        });
      return answer;
    },
    close: () => thread.worker.terminate(),
  };
}

function startThread(): { worker: Worker; ready: Promise<void> } {
  const worker = new Worker(new URL("./template-worker.ts", import.meta.url));
  const { promise: ready, resolve } = Promise.withResolvers<void>();
  worker.onmessage = () => resolve();
  worker.unref();
  return { worker, ready };
}
