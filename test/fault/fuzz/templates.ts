/** Chat templates as the tokenizer reads them: tried at load in a thread of their own, then rendered for a conversation. */
import { TrimtabError } from "#kit/errors.ts";
import { createChatTemplate } from "../../../services/tokenizer/src/chat-template.ts";
import { mutateText, pick, type Random, type Target } from "./target.ts";

const VALUES = [
  "message.content",
  "messages | length",
  "loop.index",
  "bos_token",
  "'x' * 3",
  "messages[0].role",
  "none",
  "range(9) | list",
  "unknown.x",
];
const FILTERS = ["", " | trim", " | upper", " | tojson", " | default('x')", " | nofilter"];
const CONVERSATION = {
  messages: [
    { role: "system", content: "be brief" },
    { role: "user", content: "hello {{ 7 * 7 }}" },
  ],
};
const OVER = new TrimtabError("SERVICE_UNAVAILABLE", "the case is over");

function block(random: Random, depth: number): string {
  const inner = () => block(random, depth + 1);
  const kind = random.below(depth > 2 ? 2 : 6);
  if (kind === 0) return pick(random, ["<|im_start|>", "\n", "text ", "{# note #}"]);
  if (kind <= 2) return `{{ ${pick(random, VALUES)}${pick(random, FILTERS)} }}`;
  if (kind === 3) return `{% if ${pick(random, VALUES)} %}${inner()}{% else %}${inner()}{% endif %}`;
  if (kind === 4) return `{% for message in messages %}${inner()}{% endfor %}`;
  return `{% set x = ${pick(random, VALUES)} %}${inner()}{{ x }}`;
}

/** First check = a template that can be parsed. */
export const templateTarget: Target<string> = {
  name: "chat templates",
  cases: [8, 800],
  make(random) {
    const text = block(random, 0) + block(random, 0);
    return random.below(3) === 0 ? mutateText(text, random) : text;
  },
  async read(template) {
    const made = await createChatTemplate({ template, bosToken: "<s>", eosToken: "</s>" });
    try {
      await made.render([CONVERSATION], true);
    } finally {
      made.close(OVER);
    }
  },
  isFirstCheck: ({ message }) => /pars|unexpected|expected|unknown statement|unclosed|missing/i.test(message),
  reasons: ["TEMPLATE_INVALID", "TEMPLATE_LIMIT"],
  corpus: [
    "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
    "{{ raise_exception('no') }}",
    `${"(".repeat(20_000)}`,
    `{{ ${"(".repeat(20_000)} }}`,
    "{% macro again(n) %}{{ again(n + 1) }}{% endmacro %}{{ again(0) }}",
    "{{ ''.constructor.constructor('return process')() }}",
  ],
};
