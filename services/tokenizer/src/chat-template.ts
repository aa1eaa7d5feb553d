/**
 * The chat template of a model behind a kill timer: a rendering that takes too long ends with its thread, the next one
 * gets a new thread. Renderings run one at a time, so nobody is killed for another's. Cost: about 0.3 ms a rendering.
 */
import { TrimtabError } from "#kit/errors.ts";
import { createJobThread, type JobWatch } from "#kit/job-thread.ts";
import { startThreadClock } from "#kit/process-time.ts";
import { TEMPLATE_LIMITS } from "../limits.ts";
import type { ToolSyntax } from "#proto/trimtab/type/v1/generation_pb.ts";
import { tooMuch } from "./template-errors.ts";
import type { TemplateConversation, TemplateJob, TemplateSetup } from "./template.worker.ts";
import { findToolSyntax } from "./tool-syntax.ts";

export type { TemplateConversation, TemplateMessage, TemplateTool } from "./template.worker.ts";

/** A template ready to render. */
export interface ChatTemplate {
  /**
   * Renders conversations, in order.
   * @throws TrimtabError TEMPLATE_INVALID (the template refuses, in its words), TEMPLATE_LIMIT (time, size), QUEUE_FULL.
   */
  render(
    conversations: readonly TemplateConversation[],
    addGenerationPrompt: boolean,
  ): Promise<readonly string[]>;
  /** How it writes calls of functions. */
  readonly toolSyntax: ToolSyntax;
  /** Ends the thread; renderings under way and later ones fail with `reason`. */
  close(reason: TrimtabError): void;
}

/** What a template is made from. */
export interface TemplateOptions {
  /** Jinja source. */
  readonly template: string;
  /** Spelling of the token that starts a text, or "". */
  readonly bosToken: string;
  /** Spelling of the token that ends a text, or "". */
  readonly eosToken: string;
}

/** A conversation every template takes. */
const TRIAL: TemplateConversation = { messages: [{ role: "user", content: "x" }] };

/**
 * Starts a thread for a template and renders trial conversations.
 * @throws TrimtabError TEMPLATE_INVALID, TEMPLATE_LIMIT, and those of `JobThread.run`.
 */
export async function createChatTemplate({
  template,
  bosToken,
  eosToken,
}: TemplateOptions): Promise<ChatTemplate> {
  const sizeBytes = Buffer.byteLength(template);
  if (sizeBytes > TEMPLATE_LIMITS.templateBytes) {
    throw tooMuch(`is ${sizeBytes} bytes long`, TEMPLATE_LIMITS.templateBytes);
  }
  const program = new URL("./template.worker.ts", import.meta.url);
  const setup: TemplateSetup = { template, tokens: { bos_token: bosToken, eos_token: eosToken } };
  const { startMs } = TEMPLATE_LIMITS;
  const options = { what: "renders chat templates", startMs, setup };
  const thread = createJobThread<TemplateJob, readonly string[]>(program, options);
  let waiting = 0;
  const render = async (job: TemplateJob, limitMs: number): Promise<readonly string[]> => {
    if (waiting >= TEMPLATE_LIMITS.waitingCalls) {
      throw new TrimtabError("QUEUE_FULL", "too many conversations wait for the chat template");
    }
    waiting += 1;
    return thread.run(job, inProcessorTime(limitMs)).finally(() => (waiting -= 1));
  };
  const trial = async (conversation: TemplateConversation): Promise<string> => {
    const job = { conversations: [conversation], addGenerationPrompt: true };
    return (await render(job, TEMPLATE_LIMITS.trialMs))[0] ?? "";
  };
  try {
    await trial(TRIAL);
  } catch (error) {
    thread.close(error);
    throw error;
  }
  return {
    toolSyntax: await findToolSyntax(trial),
    render: (conversations, addGenerationPrompt) =>
      render({ conversations, addGenerationPrompt }, TEMPLATE_LIMITS.renderMs),
    close: thread.close,
  };
}

/**
 * Gives a rendering up once its thread has used `limitMs` of processor time, or the clock `renderWallMs` more. A thread
 * that spins uses up its limit at once; one that waits for a core does not.
 */
function inProcessorTime(limitMs: number): JobWatch {
  return (giveUp, path) => {
    const startedMs = performance.now();
    const usedMs = startThreadClock(path);
    const look = (): void => {
      const leftMs = limitMs - usedMs();
      const isOver = leftMs <= 0 || performance.now() - startedMs > limitMs + TEMPLATE_LIMITS.renderWallMs;
      if (isOver) giveUp(tooMuch(`runs longer than ${limitMs} ms`, limitMs));
      else timer = setTimeout(look, Math.max(1, leftMs));
    };
    let timer = setTimeout(look, limitMs);
    return () => clearTimeout(timer);
  };
}
