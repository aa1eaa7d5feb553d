/** `trimtab steer extract`: a direction from texts that show a behaviour and texts that do not, typed or in files. */
import type { Command } from "commander";
import { TrimtabError } from "#kit/errors.ts";
import { readPrompts } from "../capture/prompts.ts";
import { addTargetOptions, withGateway, type TargetOptions } from "../options.ts";
import { addJsonOption, type JsonOption, printResult } from "../view/result.ts";

interface ExtractFlags extends TargetOptions, JsonOption {
  readonly positive?: readonly string[];
  readonly negative?: readonly string[];
  readonly positiveFile?: string;
  readonly negativeFile?: string;
}

/** Adds the command. */
export function addExtractCommand(steer: Command): void {
  const command = steer
    .command("extract")
    .description("make a direction from texts that show a behaviour and texts that do not")
    .argument("<name>", "name of the stored direction")
    .option("--positive <texts...>", "texts that show it")
    .option("--negative <texts...>", "texts that do not")
    .option("--positive-file <file>", "more of them: a text a line, or JSONL as `capture` reads it")
    .option("--negative-file <file>", "likewise");
  addTargetOptions(addJsonOption(command)).action(async (name: string, flags: ExtractFlags) => {
    const positive = await textsOf("--positive", flags.positive, flags.positiveFile);
    const negative = await textsOf("--negative", flags.negative, flags.negativeFile);
    await withGateway(flags, async (client) => {
      const { artifact } = await client.extractVector({ name, positive, negative });
      const said = { name: artifact?.name ?? "", digest: artifact?.digest ?? "" };
      printResult(flags, said, [`${said.name}@${said.digest}`]);
    });
  });
}

/** Texts of one side. @throws TrimtabError FIELD_REQUIRED without any, INVALID_ARGUMENT for a conversation; those of the file */
async function textsOf(
  option: string,
  texts: readonly string[] = [],
  file: string | undefined,
): Promise<string[]> {
  if (texts.length === 0 && file === undefined)
    throw new TrimtabError("FIELD_REQUIRED", `${option} or ${option}-file is needed`, { field: option });
  const prompts = await readPrompts({
    prompts: texts,
    chat: false,
    ...(file === undefined ? {} : { input: file }),
  });
  return prompts.map((prompt) => {
    if (prompt.case === "text") return prompt.value;
    throw new TrimtabError("INVALID_ARGUMENT", "a direction is made of texts, not of conversations", {
      field: `${option}-file`,
    });
  });
}
