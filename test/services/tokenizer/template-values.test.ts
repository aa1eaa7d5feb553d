/** The rest of the values of rows J: the programs of the list as they stand there, ways out, what cannot be loaded. */
import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { fromConnectError, TrimtabError } from "#kit/errors.ts";
import { type ChatTemplate, createChatTemplate } from "../../../services/tokenizer/src/chat-template.ts";
import { plain, readFiles, tokenizer } from "../kit/tokenizer-files.ts";

setDefaultTimeout(120_000);
const CLOSED = new TrimtabError("SERVICE_UNAVAILABLE", "the test is over");
const open: ChatTemplate[] = [];
afterAll(() => {
  for (const template of open) template.close(CLOSED);
});

/** A template that does this for a conversation of "go", and says "ok" otherwise. */
async function make(body: string): Promise<ChatTemplate> {
  const template = await createChatTemplate({
    template: `{% if messages[0].content == 'go' %}${body}{% else %}ok{% endif %}`,
    bosToken: "<s>",
    eosToken: "</s>",
  });
  open.push(template);
  return template;
}
const run = (template: ChatTemplate, content: string) =>
  template.render([{ messages: [{ role: "user", content }] }], true);
const reasonOf = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => "answered",
    (error: unknown) => fromConnectError(error).reason,
  );

const ENDLESS: readonly (readonly [string, string])[] = [
  ["range(2e7)", "{% for i in range(20000000) %}{% endfor %}"],
  ["a list of 2e7", "{{ range(20000000) | list | length }}"],
  ["three loops of 3,000", `${"{% for i in range(3000) %}".repeat(3)}${"{% endfor %}".repeat(3)}`],
  [
    "28 doublings",
    "{% set n = namespace(s='x') %}{% for i in range(28) %}{% set n.s = n.s + n.s %}{% endfor %}{{ n.s }}",
  ],
  [
    "a list that doubles",
    "{% set n = namespace(s=[1]) %}{% for i in range(40) %}{% set n.s = n.s + n.s %}{% endfor %}",
  ],
  [
    "two macros that call each other",
    "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}",
  ],
  ["a join that grows", "{% for i in range(1000000) %}{{ messages[0] | tojson }}{% endfor %}"],
];
test.each(ENDLESS)("J1 %s is refused, and the next conversation is rendered", async (_name, body) => {
  const template = await make(body);
  const bad = reasonOf(run(template, "go"));
  const next = run(template, "hello");
  expect(await bad).toBe("TEMPLATE_LIMIT");
  expect(await next).toEqual(["ok"]);
});

test("J1 another model's conversations are rendered while a template spins", async () => {
  const [spinning, sound] = await Promise.all([make(ENDLESS[2]?.[1] ?? ""), make("go")]);
  let isOver = false;
  const bad = reasonOf(run(spinning, "go")).finally(() => (isOver = true));
  expect(await run(sound, "hello")).toEqual(["ok"]);
  expect(isOver).toBe(false);
  expect(await bad).toBe("TEMPLATE_LIMIT");
});

const WAYS_OUT = [
  `{{ messages | attr("constructor") }}`,
  `{{ messages[0] | attr("__proto__") }}`,
  `{{ messages[0].toString.constructor("return 1")() }}`,
  `{{ messages.map.call }}`,
  `{{ ({}).constructor }}`,
  `{{ namespace(x=1).__proto__ }}`,
  `{% set messages[0].__proto__.polluted = 1 %}{{ messages[0].polluted }}`,
  `{{ require("fs") }}`,
  `{{ import("node:fs") }}`,
  `{{ Bun.env }}`,
  `{{ fetch("http://127.0.0.1/") }}`,
  `{{ self.constructor }}`,
  `{{ raise_exception.constructor("return process")() }}`,
  `{{ strftime_now.constructor("return process")() }}`,
];
test.each(WAYS_OUT)("J2 %s reaches nothing", async (body) => {
  const text = await make(body).then(
    (template) => run(template, "go").catch(() => [""]),
    // What is no Jinja at all is refused when it is loaded.
    () => [""],
  );
  expect(text.join("")).not.toMatch(/function|native|object|process|path|home|1/i);
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
});

test.each([
  '{% include "/etc/passwd" %}',
  '{% import "x" as y %}',
  '{% extends "base" %}',
  '{% from "x" import y %}',
])("J2 %s is refused when it is loaded", async (body) => {
  expect(await reasonOf(make(body))).toBe("TEMPLATE_INVALID");
});

test("J3 a long exception is cut, and says nothing of the inside", async () => {
  const template = await make("{{ raise_exception('<b>' + 'x' * 100000 + '\\n\\u001b[2J') }}");
  const error = (await run(template, "go").catch((thrown: unknown) => thrown)) as Error;
  expect(fromConnectError(error).reason).toBe("TEMPLATE_INVALID");
  expect(error.message.length).toBeLessThan(300);
  expect(error.message).not.toMatch(/[\u0000-\u001f]|node_modules|\.ts/);
});

const loadWith = async (template: string): Promise<string> => {
  const loading = createChatTemplate({ template, bosToken: "", eosToken: "" });
  loading.then((loaded) => open.push(loaded)).catch(() => undefined);
  return reasonOf(loading);
};
describe("J4 at load:", () => {
  test.each([
    ["10 MB", "x".repeat(10_000_000), "TEMPLATE_LIMIT"],
    ["an unknown test", "{{ messages is sorted_somehow }}", "TEMPLATE_INVALID"],
    ["an unknown function", "{{ explode(messages) }}", "TEMPLATE_INVALID"],
    ["a block that never ends", "{% if messages %}", "TEMPLATE_INVALID"],
    ["a tag nobody knows", "{% frobnicate %}", "TEMPLATE_INVALID"],
    [
      "20,000 ifs in each other",
      `${"{% if messages %}".repeat(10_000)}x${"{% endif %}".repeat(10_000)}`,
      "TEMPLATE_LIMIT",
    ],
    ["an unknown variable is empty", "{{ nobody }}{{ messages[0].content }}", "answered"],
  ] as const)("%s", async (_name, template, expected) => {
    expect(await loadWith(template)).toBe(expected);
  });
});

test.each(["tokenizer_config.json", "chat_template.jinja"])(
  "J4 a template in %s that is no UTF-8 is refused",
  (file) => {
    const bad = file.endsWith(".json") ? '{"chat_template":"\xff"}' : "{{ 1 }}\xff";
    const read = () =>
      readFiles({
        "tokenizer.json": tokenizer({ model: plain.model }),
        [file]: Uint8Array.from(Buffer.from(bad, "latin1")),
      });
    expect(read).toThrow("UTF-8");
  },
);
