/** How calls are written is told by what a template makes of one: those of Llama 3 and Mistral are known, and nothing that only looks like them. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { TrimtabError } from "#kit/errors.ts";
import { ToolSyntax } from "#proto/trimtab/type/v1/generation_pb.ts";
import { LLAMA_CALL, MISTRAL_CALL, templateOf } from "../../support/call-templates.ts";
import { createChatTemplate } from "../../../services/tokenizer/src/chat-template.ts";

setDefaultTimeout(120_000);

async function syntaxOf(source: string): Promise<ToolSyntax> {
  const made = await createChatTemplate({ template: source, bosToken: "<s>", eosToken: "</s>" });
  made.close(new TrimtabError("SERVICE_UNAVAILABLE", "the test is over"));
  return made.toolSyntax;
}

test.each([
  ["Llama 3's", templateOf(LLAMA_CALL), ToolSyntax.LLAMA],
  ["Mistral's", templateOf(MISTRAL_CALL), ToolSyntax.MISTRAL],
  ["Mistral's without blanks", templateOf(MISTRAL_CALL.replace("] [", "][")), ToolSyntax.MISTRAL],
  [
    "Llama's with Hermes' name of the arguments",
    templateOf(LLAMA_CALL.replace('"parameters"', '"arguments"')),
    0,
  ],
  ["Mistral's with a name and no object", templateOf(MISTRAL_CALL.replace("[:-1]", "[1:]")), 0],
  ["Mistral's without functions", templateOf(MISTRAL_CALL).replace("tool |", "'' |"), 0],
])("%s template", async (_, source, syntax) => {
  expect(await syntaxOf(source)).toBe(syntax);
});
