/** Chat templates that write calls in the forms of models. */

/** A template that writes functions, texts and answers, and calls as `call` does. */
export const templateOf = (call: string): string => `
{%- for tool in tools or [] %}{{ tool | tojson(indent=4) }}{% endfor %}
{%- for message in messages %}
  {%- if message.tool_calls %}${call}
  {%- else %}{{ "<|start_header_id|>" + message.role + "<|end_header_id|>\n\n" + message.content + "<|eot_id|>" }}{% endif %}
{%- endfor %}`;

/** Calls of one message as Llama 3 writes them. */
export const LLAMA_CALL = `
  {%- if message.tool_calls | length != 1 %}{{ raise_exception("one call at once") }}{% endif %}
  {%- set called = message.tool_calls[0].function %}
  {{- '<|start_header_id|>assistant<|end_header_id|>\n\n{"name": "' + called.name + '", "parameters": ' }}
  {{- called.arguments | tojson }}{{ "}<|eot_id|>" }}`;
/** Calls as Mistral writes them. */
export const MISTRAL_CALL = `{{ "[TOOL_CALLS] [" }}
  {%- for call in message.tool_calls %}{% set out = call.function | tojson %}{{ out[:-1] }}
    {%- if call.id | length != 9 %}{{ raise_exception("ids have nine characters") }}{% endif %}
    {{- ', "id": "' + call.id + '"}' }}{{ ", " if not loop.last }}
  {%- endfor %}]</s>`;
