/** How calls are written is told by what a template makes of one: those of Llama 3 and Mistral are known, and nothing that only looks like them. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { TrimtabError } from "#kit/errors.ts";
import { ToolSyntax } from "#proto/trimtab/type/v1/generation_pb.ts";
import { createChatTemplate } from "../../../services/tokenizer/src/chat-template.ts";

setDefaultTimeout(120_000);

/** A template that writes functions, texts and answers, and calls as `call` does. */
const template = (call: string, around = "") => `
{%- for tool in tools or [] %}{{ tool | tojson(indent=4) }}{% endfor %}
{%- for message in messages %}
  {%- if message.tool_calls %}${around}${call}
  {%- else %}{{ "<|start_header_id|>" + message.role + "<|end_header_id|>\n\n" + message.content + "<|eot_id|>" }}{% endif %}
{%- endfor %}`;

const LLAMA = `
  {%- if message.tool_calls | length != 1 %}{{ raise_exception("one call at once") }}{% endif %}
  {%- set called = message.tool_calls[0].function %}
  {{- '<|start_header_id|>assistant<|end_header_id|>\n\n{"name": "' + called.name + '", "parameters": ' }}
  {{- called.arguments | tojson }}{{ "}<|eot_id|>" }}`;
const MISTRAL = `{{ "[TOOL_CALLS] [" }}
  {%- for call in message.tool_calls %}{% set out = call.function | tojson %}{{ out[:-1] }}
    {%- if call.id | length != 9 %}{{ raise_exception("ids have nine characters") }}{% endif %}
    {{- ', "id": "' + call.id + '"}' }}{{ ", " if not loop.last }}
  {%- endfor %}]</s>`;

async function syntaxOf(source: string): Promise<ToolSyntax> {
  const made = await createChatTemplate({ template: source, bosToken: "<s>", eosToken: "</s>" });
  made.close(new TrimtabError("SERVICE_UNAVAILABLE", "the test is over"));
  return made.toolSyntax;
}

test.each([
  ["Llama 3's", template(LLAMA), ToolSyntax.LLAMA],
  ["Mistral's", template(MISTRAL), ToolSyntax.MISTRAL],
  ["Mistral's without blanks", template(MISTRAL.replace("] [", "][")), ToolSyntax.MISTRAL],
  ["Llama's with Hermes' name of the arguments", template(LLAMA.replace('"parameters"', '"arguments"')), 0],
  ["Mistral's with a name and no object", template(MISTRAL.replace("[:-1]", "[1:]")), 0],
  ["Mistral's without functions", template(MISTRAL).replace("tool |", "'' |"), 0],
])("%s template", async (_, source, syntax) => {
  expect(await syntaxOf(source)).toBe(syntax);
});
