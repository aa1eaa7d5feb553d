/** `trimtab chat`: a conversation at the terminal, steered or not; `--once` answers one message and ends. */
import type { Command } from "commander";
import { beginConversation, type ChatOptions, converse } from "../chat/converse.ts";
import { addTargetOptions, integerIn, numberIn, withGateway, type TargetOptions } from "../options.ts";

interface ChatFlags extends TargetOptions, ChatOptions {
  readonly once?: string;
}

/** Adds the command. */
export function addChatCommand(program: Command): void {
  const command = program
    .command("chat")
    .description("talk to the model; + and - change the strength while it answers, Esc stops it")
    .option("--once <text>", "answer this message and end")
    .option("--recipe <name>", "steer with a built recipe")
    .option("--direction <name>", "steer with a stored direction; needs --scale or --dose")
    .option("--scale <x>", "multiply the own dose", numberIn(-4, 4))
    .option("--dose <x>", "relative dose instead", numberIn(0, 4))
    .option("--system <text>", "system message")
    .option("--max-tokens <n>", "longest answer, tokens", integerIn(1, 8192), 512)
    .option("--temperature <t>", "0 is greedy", numberIn(0, 2), 0.7)
    .option("--json", "print one JSON object an answer");
  addTargetOptions(command).action(async (options: ChatFlags) => {
    await withGateway(options, async (client) => {
      const conversation = beginConversation(client, options);
      if (options.once !== undefined) await conversation.say(options.once);
      else await converse(conversation);
    });
  });
}
