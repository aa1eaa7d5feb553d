/** `trimtab chat`: a conversation at the terminal, steered or not; `--once` answers one message and ends. */
import type { Command } from "commander";
import { integerIn, numberIn } from "#kit/option-values.ts";
import { beginConversation, type ChatOptions, converse } from "../chat/converse.ts";
import { addTargetOptions, withGateway, type TargetOptions } from "../options.ts";
import { addSteeringOptions } from "../steering-options.ts";

interface ChatFlags extends TargetOptions, ChatOptions {
  readonly once?: string;
}

/** Adds the command. */
export function addChatCommand(program: Command): void {
  const command = program
    .command("chat")
    .description("talk to the model; + and - change the strength while it answers, Esc stops it")
    .option("--once <text>", "answer this message and end")
    .option("--system <text>", "system message")
    .option("--max-tokens <n>", "longest answer, tokens", integerIn(1, 8192), 512)
    .option("--temperature <t>", "0 is greedy", numberIn(0, 2), 0.7)
    .option("--json", "print one JSON object an answer");
  addTargetOptions(addSteeringOptions(command)).action(async (options: ChatFlags) => {
    await withGateway(options, async (client) => {
      const conversation = beginConversation(client, options);
      if (options.once !== undefined) await conversation.say(options.once);
      else await converse(conversation);
    });
  });
}
