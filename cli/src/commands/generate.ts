/** `trimtab generate`: one answer to standard output, as text or JSON. */
import { toJson } from "@bufbuild/protobuf";
import type { Command } from "commander";
import { CompleteResponseSchema } from "#proto/trimtab/gateway/v1/gateway_service_pb.ts";
import { chatSpec, userSays } from "../chat-spec.ts";
import { addTargetOptions, integerIn, numberIn, withGateway, type TargetOptions } from "../options.ts";
import { printable } from "../view/style.ts";

interface GenerateOptions extends TargetOptions {
  readonly recipe?: string;
  readonly scale?: number;
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
    .option("--recipe <name>", "steer with a built recipe")
    .option("--scale <x>", "multiply the recipe's dose", numberIn(-4, 4))
    .option("--max-tokens <n>", "longest answer, tokens", integerIn(1, 8192), 256)
    .option("--temperature <t>", "0 is greedy", numberIn(0, 2), 0)
    .option("--seed <n>", "seed of the sampling noise", integerIn(0, Number.MAX_SAFE_INTEGER))
    .option("--json", "print the whole answer as JSON");
  addTargetOptions(command).action(async (prompt: string, options: GenerateOptions) => {
    await withGateway(options, async (client) => {
      const answer = await client.complete({
        spec: chatSpec({ ...options, messages: userSays(prompt), proof: true }),
      });
      const text = options.json
        ? JSON.stringify(toJson(CompleteResponseSchema, answer), null, 2)
        : printable(answer.choices[0]?.text ?? "");
      process.stdout.write(`${text}\n`);
    });
  });
}
