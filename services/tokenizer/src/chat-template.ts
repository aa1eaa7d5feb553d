/**
 * The chat template of a model behind a kill timer: a rendering that takes too long ends with its thread, the next one
 * gets a new thread. Renderings run one at a time, so nobody is killed for another's. Cost: about 0.3 ms a rendering.
 */
import { TrimtabError } from "#kit/errors.ts";
import { TEMPLATE_LIMITS } from "../limits.ts";
import type { ToolSyntax } from "#proto/trimtab/type/v1/generation_pb.ts";
import { startThreadClock } from "./thread-time.ts";
import type { TemplateAnswer, TemplateConversation, TemplateRequest } from "./template.worker.ts";
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

const FIELD = "tokenizer.chat_template";
/** A conversation every template takes. */
const TRIAL: TemplateConversation = { messages: [{ role: "user", content: "x" }] };

/**
 * Starts a thread for a template and renders trial conversations.
 * @throws TrimtabError TEMPLATE_INVALID, TEMPLATE_LIMIT.
 */
export async function createChatTemplate(options: TemplateOptions): Promise<ChatTemplate> {
  const sizeBytes = Buffer.byteLength(options.template);
  if (sizeBytes > TEMPLATE_LIMITS.templateBytes) {
    throw tooMuch(`is ${sizeBytes} bytes long`, TEMPLATE_LIMITS.templateBytes);
  }
  let thread = startThread(options);
  let turn: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  let closed: TrimtabError | undefined;
  /** Ends the rendering under way. Nothing waits on a promise that outlives it: that would keep every rendering there ever was. */
  let leave: (reason: TrimtabError) => void = () => {};
  const ask = async (asked: TemplateRequest, limitMs: number): Promise<readonly string[]> => {
    await thread.ready;
    return readAnswer(await thread.ask(asked, limitMs));
  };
  const request = async (asked: TemplateRequest, limitMs: number): Promise<readonly string[]> => {
    if (closed) throw closed;
    const answer = Promise.withResolvers<readonly string[]>();
    leave = answer.reject;
    ask(asked, limitMs).then(answer.resolve, answer.reject);
    try {
      return await answer.promise;
    } catch (error) {
      thread.end();
      if (!closed) thread = startThread(options);
      throw error;
    }
  };
  const render = async (
    conversations: readonly TemplateConversation[],
    addGenerationPrompt: boolean,
    limitMs: number,
  ): Promise<readonly string[]> => {
    if (waiting >= TEMPLATE_LIMITS.waitingCalls) {
      throw new TrimtabError("QUEUE_FULL", "too many conversations wait for the chat template");
    }
    const { outputBytes } = TEMPLATE_LIMITS;
    waiting += 1;
    const mine = turn.then(() => request({ conversations, addGenerationPrompt, outputBytes }, limitMs));
    turn = mine.catch(() => {});
    return mine.finally(() => (waiting -= 1));
  };
  const trial = async (conversation: TemplateConversation): Promise<string> =>
    (await render([conversation], true, TEMPLATE_LIMITS.trialMs))[0] ?? "";
  try {
    await trial(TRIAL);
  } catch (error) {
    thread.end();
    throw error;
  }
  const toolSyntax = await findToolSyntax(trial);
  return {
    toolSyntax,
    render: (conversations, addGenerationPrompt) =>
      render(conversations, addGenerationPrompt, TEMPLATE_LIMITS.renderMs),
    close(reason) {
      closed = reason;
      leave(reason);
      thread.end();
    },
  };
}

/** A worker thread with at most one request under way. */
interface Thread {
  readonly ready: Promise<TemplateAnswer>;
  ask(request: TemplateRequest, limitMs: number): Promise<TemplateAnswer>;
  end(): void;
}

function startThread({ template, bosToken, eosToken }: TemplateOptions): Thread {
  const worker = new Worker(new URL("./template.worker.ts", import.meta.url));
  worker.unref();
  const end = () => worker.terminate();
  let threadPath: string | undefined;
  const ask = async (request: TemplateRequest, limitMs: number): Promise<TemplateAnswer> => {
    const answer = Promise.withResolvers<TemplateAnswer>();
    worker.onmessage = ({ data }: MessageEvent<TemplateAnswer>) => answer.resolve(data);
    worker.onerror = (event) => {
      event.preventDefault();
      answer.resolve({ kind: "refused", message: event.message });
    };
    const stopWatching = watch(threadPath, limitMs, () =>
      answer.reject(tooMuch(`runs longer than ${limitMs} ms`, limitMs)),
    );
    worker.postMessage(request);
    try {
      return await answer.promise;
    } finally {
      stopWatching();
    }
  };
  const tokens = { bos_token: bosToken, eos_token: eosToken };
  const ready = ask({ template, tokens }, TEMPLATE_LIMITS.startMs).then((answer) => {
    readAnswer(answer);
    if (answer.kind === "ready") threadPath = answer.threadPath;
    return answer;
  });
  // Whoever renders next sees the failure; until then nobody listens.
  ready.catch(() => {});
  return { ready, ask, end };
}

/**
 * Calls `onExpired` once the thread has used `limitMs` of processor time, or the clock `renderWallMs` more. A thread
 * that spins uses up its limit at once; one that waits for a core does not. Returns the way to stop watching.
 */
function watch(threadPath: string | undefined, limitMs: number, onExpired: () => void): () => void {
  const startedMs = performance.now();
  const usedMs = startThreadClock(threadPath);
  const look = (): void => {
    const leftMs = limitMs - usedMs();
    const isOver = leftMs <= 0 || performance.now() - startedMs > limitMs + TEMPLATE_LIMITS.renderWallMs;
    if (isOver) onExpired();
    else timer = setTimeout(look, Math.max(1, leftMs));
  };
  let timer = setTimeout(look, limitMs);
  return () => clearTimeout(timer);
}

function readAnswer(answer: TemplateAnswer): readonly string[] {
  if (answer.kind === "ready") return [];
  if (answer.kind === "rendered") return answer.texts;
  if (answer.kind === "too_much") throw tooMuch(answer.what, TEMPLATE_LIMITS.outputBytes);
  const message = answer.message
    .replaceAll(/[^\x20-\x7e\u00a0-\uffff]/g, " ")
    .slice(0, TEMPLATE_LIMITS.messageChars);
  throw new TrimtabError("TEMPLATE_INVALID", `the chat template refuses: ${message}`, { field: FIELD });
}

function tooMuch(problem: string, limit: number): TrimtabError {
  return new TrimtabError("TEMPLATE_LIMIT", `the chat template ${problem}`, { field: FIELD, limit });
}
