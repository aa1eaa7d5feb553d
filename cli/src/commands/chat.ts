/** `trimtab chat`: a conversation at the terminal, steered or not; `--once` answers one message and ends. */
import { createInterface } from "node:readline/promises";
import type { Command } from "commander";
import { cancelSafe } from "#kit/streams.ts";
import { chatSpec } from "../chat-spec.ts";
import type { GatewayClient } from "../demo/answer.ts";
import { addTargetOptions, integerIn, numberIn, withGateway, type TargetOptions } from "../options.ts";
import { gauge } from "../view/gauges.ts";
import { colour, printable } from "../view/style.ts";

interface ChatOptions extends TargetOptions {
  readonly once?: string;
  readonly recipe?: string;
  readonly scale?: number;
  readonly system?: string;
  readonly maxTokens: number;
  readonly temperature: number;
}

interface Message {
  readonly role: string;
  readonly content: string;
}

/** Adds the command. */
export function addChatCommand(program: Command): void {
  const command = program
    .command("chat")
    .description("talk to the model")
    .option("--once <text>", "answer this message and end")
    .option("--recipe <name>", "steer with a built recipe")
    .option("--scale <x>", "multiply the recipe's dose", numberIn(-4, 4))
    .option("--system <text>", "system message")
    .option("--max-tokens <n>", "longest answer, tokens", integerIn(1, 8192), 512)
    .option("--temperature <t>", "0 is greedy", numberIn(0, 2), 0.7);
  addTargetOptions(command).action(async (options: ChatOptions) => {
    await withGateway(options, async (client) => {
      const messages: Message[] =
        options.system === undefined ? [] : [{ role: "system", content: options.system }];
      if (options.once !== undefined) await answer(client, messages, options.once, options);
      else await converse(client, messages, options);
    });
  });
}

async function converse(client: GatewayClient, messages: Message[], options: ChatOptions): Promise<void> {
  const lines = createInterface({
    input: process.stdin,
    output: process.stdout,
    terminal: process.stdin.isTTY,
  });
  lines.setPrompt(colour.bold("you   "));
  lines.prompt();
  for await (const line of lines) {
    if (line.trim() === "/quit") break;
    if (line.trim() !== "") await answer(client, messages, line, options);
    lines.prompt();
  }
  lines.close();
}

async function answer(
  client: GatewayClient,
  messages: Message[],
  text: string,
  options: ChatOptions,
): Promise<void> {
  messages.push({ role: "user", content: text });
  const spec = chatSpec({ ...options, messages });
  let reply = "";
  for await (const { event } of cancelSafe((signal) => client.generate({ spec }, { signal }))) {
    if (event.case === "planned" && process.stdout.isTTY)
      process.stdout.write(`${colour.dim("gate ")} ${gauge(event.value.report?.gate ?? 0)}\n`);
    if (event.case !== "delta") continue;
    reply += event.value.text;
    process.stdout.write(printable(event.value.text));
  }
  process.stdout.write("\n");
  messages.push({ role: "assistant", content: reply });
}
