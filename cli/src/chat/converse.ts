/** The conversation loop: questions from a terminal or a pipe, answers, the strength carried from one to the next. */
import { createInterface } from "node:readline/promises";
import { failureText } from "#kit/failure.ts";
import type { ChatQuestion } from "../chat-spec.ts";
import type { GatewayClient } from "../demo/answer.ts";
import { colour } from "../view/style.ts";
import { answerOne } from "./answer.ts";
import { type Strength, strengthOf } from "./strength.ts";

type Message = ChatQuestion["messages"][number];

/**
 * What follows Escape later than this is not a sequence with it: sequences come in one piece, and an Escape that meant to stop an
 * answer that had just ended must not swallow the first letter of the next line.
 */
const ESCAPE_MS = 50;

/** What a conversation is started with. */
export interface ChatOptions extends Omit<ChatQuestion, "messages"> {
  readonly system?: string;
  /** One JSON object an answer instead of text. */
  readonly json?: boolean;
}

/** A conversation. */
export interface Conversation {
  /** Answers one message; one that could not be answered was not said. @throws ConnectError of the gateway */
  say(text: string): Promise<void>;
}

/** Begins a conversation. */
export function beginConversation(client: GatewayClient, options: ChatOptions): Conversation {
  const { system, json = false, ...question } = options;
  const messages: Message[] = system === undefined ? [] : [{ role: "system", content: system }];
  let strength: Strength = strengthOf(options);
  return {
    async say(content) {
      const asked: Message = { role: "user", content };
      const said = { ...question, messages: [...messages, asked] };
      const answer = await answerOne(client, said, { strength, quiet: json });
      ({ strength } = answer);
      messages.push(asked, { role: "assistant", content: answer.text });
      if (json) process.stdout.write(`${JSON.stringify(answer)}\n`);
    },
  };
}

/** Talks until `/quit` or the end of the input. */
export async function converse(conversation: Conversation): Promise<void> {
  if (process.stdin.isTTY) return await atTerminal(conversation);
  for await (const line of createInterface({ input: process.stdin })) {
    if (line.trim() === "/quit") break;
    if (line.trim() !== "") await conversation.say(line);
  }
}

/** Lines are read one at a time: while an answer runs, keys are not lines. */
async function atTerminal(conversation: Conversation): Promise<void> {
  for (;;) {
    const line = await readLine(colour.bold("you   "));
    if (line === undefined || line.trim() === "/quit") return;
    if (line.trim() === "") continue;
    // Who is refused once (a full server, too long an answer) has not ended the conversation.
    await conversation
      .say(line)
      .catch((error: unknown) => void process.stderr.write(`${failureText(error)}\n`));
  }
}

/** A line; undefined at the end of the input. */
async function readLine(prompt: string): Promise<string | undefined> {
  const reader = createInterface({
    input: process.stdin,
    output: process.stdout,
    terminal: true,
    escapeCodeTimeout: ESCAPE_MS,
  });
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  reader.once("line", resolve);
  reader.once("close", () => resolve(undefined));
  reader.once("SIGINT", () => resolve(undefined));
  reader.setPrompt(prompt);
  reader.prompt();
  const line = await promise;
  reader.close();
  return line;
}
