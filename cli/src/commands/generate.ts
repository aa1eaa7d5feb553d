/** `trimtab generate`: one answer to standard output, as text or JSON; with `--compare` two, unsteered and steered. */
import { toJson } from "@bufbuild/protobuf";
import type { Command } from "commander";
import {
  type CompleteResponse,
  CompleteResponseSchema,
} from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { integerIn, numberIn } from "#kit/option-values.ts";
import { chatSpec, userSays } from "../chat-spec.ts";
import { addTargetOptions, withGateway, type TargetOptions } from "../options.ts";
import { addSteeringOptions, type SteeringFlags } from "../steering-options.ts";
import { colour, printable } from "../view/style.ts";

interface GenerateOptions extends TargetOptions, SteeringFlags {
  readonly compare?: boolean;
  readonly maxTokens: number;
  readonly temperature: number;
  readonly seed?: number;
  readonly json?: boolean;
}

/** Adds the command. */
export function addGenerateCommand(program: Command): void {
  const command = program
    .command("generate")
    .description("answer one prompt")
    .argument("<prompt>", "what to ask")
    .option("--compare", "answer without steering and with it")
    .option("--max-tokens <n>", "longest answer, tokens", integerIn(1, 8192), 256)
    .option("--temperature <t>", "0 is greedy", numberIn(0, 2), 0)
    .option("--seed <n>", "seed of the sampling noise", integerIn(0, Number.MAX_SAFE_INTEGER))
    .option("--json", "print the whole answer as JSON");
  addTargetOptions(addSteeringOptions(command)).action(async (prompt: string, options: GenerateOptions) => {
    await withGateway(options, async (client) => {
      const answer = await client.complete({
        spec: chatSpec({ ...options, messages: userSays(prompt), proof: true }),
      });
      const text = options.json
        ? JSON.stringify(toJson(CompleteResponseSchema, answer), null, 2)
        : textOf(answer);
      process.stdout.write(`${text}\n`);
    });
  });
}

/** The one answer as it is; of two each under its name, the unsteered one first. */
function textOf({ choices }: CompleteResponse): string {
  const texts = choices.map(({ text }) => printable(text));
  if (texts.length < 2) return texts.join("");
  return texts.map((text, index) => `${colour.bold(index === 0 ? "base" : "steered")}\n${text}`).join("\n\n");
}
