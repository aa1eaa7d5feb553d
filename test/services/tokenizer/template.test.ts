/** Chat templates are programs from a file: they run bounded, cannot reach anything, and fail with their own words. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { rmSync } from "node:fs";
import { heapStats } from "bun:jsc";
import { type Reason, TrimtabError } from "#kit/errors.ts";
import { createTokenizerService } from "../../../services/tokenizer/index.ts";
import { type ChatTemplate, createChatTemplate } from "../../../services/tokenizer/src/chat-template.ts";
import { bytePairMetadata, writeVocabulary } from "../../support/vocabularies.ts";

setDefaultTimeout(120_000);
const USER = { messages: [{ role: "user", content: "hello" }] };
const make = (template: string) => createChatTemplate({ template, bosToken: "<s>", eosToken: "</s>" });
/** Runs `body` for conversations whose first content is "go" only: the trial at load passes. */
const onGo = (body: string) => `{% if messages[0].content == 'go' %}${body}{% else %}ok{% endif %}`;
const GO = { messages: [{ role: "user", content: "go" }] };

async function withTemplate<T>(source: string, use: (template: ChatTemplate) => Promise<T>): Promise<T> {
  const template = await make(source);
  try {
    return await use(template);
  } finally {
    template.close(new TrimtabError("SERVICE_UNAVAILABLE", "the test is over"));
  }
}

const failing = (reason: Reason) => expect.objectContaining({ reason });

test.each([
  [
    "a loop that never ends in time",
    "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
  ],
  ["a range that fills the memory", "{{ range(200000000) | length }}"],
  [
    "text that doubles and doubles",
    `{% set n = namespace(s='xxxxxxxxxxxxxxxx') %}{% for i in range(40) %}{% set n.s = n.s + n.s %}{% endfor %}{{ n.s }}`,
  ],
  [
    "J6 more text than a prompt may have",
    "{% for i in range(5000) %}{{ '" + "x".repeat(1_000) + "' }}{% endfor %}",
  ],
])("J1 %s ends with TEMPLATE_LIMIT, and the next conversation is rendered", async (_, body) => {
  await withTemplate(onGo(body), async (template) => {
    // Each body would run for hours: the test's own limit is the bound.
    const bad = template.render([GO], true).catch((error: unknown) => error);
    const next = template.render([USER], true);
    expect(await bad).toEqual(failing("TEMPLATE_LIMIT"));
    expect(await next).toEqual(["ok"]);
  });
});

test("J1 the event loop turns while a template spins", async () => {
  await withTemplate(
    onGo("{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}"),
    async (template) => {
      let turns = 0;
      const timer = setInterval(() => (turns += 1), 5);
      await template.render([GO], true).catch(() => {});
      clearInterval(timer);
      expect(turns).toBeGreaterThan(5);
    },
  );
});

test("J1 recursion without end is refused, not a crash", async () => {
  const body = "{% macro again(n) %}{{ again(n + 1) }}{% endmacro %}{{ again(0) }}";
  await withTemplate(onGo(body), async (template) => {
    const error = await template.render([GO], true).catch((thrown: unknown) => thrown);
    expect(["TEMPLATE_INVALID", "TEMPLATE_LIMIT"]).toContain((error as { reason: string }).reason);
    expect(await template.render([USER], true)).toEqual(["ok"]);
  });
});

test("J2 a template reaches no constructor, no global, no prototype", async () => {
  for (const probe of [
    `"".constructor.constructor("return process")()`,
    `messages.__proto__`,
    `messages[0].constructor`,
    `messages[0]["__proto__"]`,
    `process.env`,
    `globalThis`,
    `self.postMessage`,
    `range.constructor("return 1")()`,
  ]) {
    const source = onGo(`[{{ ${probe} }}]`);
    await withTemplate(source, async (template) => {
      const [text = ""] = await template.render([GO], true).catch((): string[] => ["[]"]);
      expect(text).toBe("[]");
    });
  }
  expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false);
});

test("J3 what the template raises is told, shortened and without control characters", async () => {
  const body = `{{ raise_exception('roles must alternate\\n\\u001b' + 'x' * 0 + messages[0].content) }}`;
  await withTemplate(onGo(body), async (template) => {
    const error = (await template.render([GO], true).catch((thrown: unknown) => thrown)) as Error;
    expect(error).toEqual(failing("TEMPLATE_INVALID"));
    expect(error.message).toMatch(/^[\x20-\x7e]{1,260}$/);
  });
});

test("a rendering that is over leaves nothing behind", async () => {
  await withTemplate("ok", async (template) => {
    const promisesAfter = async (renderings: number): Promise<number> => {
      for (let i = 0; i < renderings; i++) await template.render([USER], true);
      Bun.gc(true);
      return heapStats().objectTypeCounts["Promise"] ?? 0;
    };
    const before = await promisesAfter(200);
    expect((await promisesAfter(400)) - before).toBeLessThan(100);
  });
});

test("J5 template syntax in a message is text", async () => {
  await withTemplate("{% for m in messages %}{{ m.content }}{% endfor %}", async (template) => {
    for (const content of [
      "{{ 7*7 }}",
      "{% raw %}",
      "{# gone #}",
      "{%- endfor -%}",
      "{{ raise_exception('x') }}",
    ]) {
      expect(await template.render([{ messages: [{ role: "user", content }] }], true)).toEqual([content]);
    }
  });
});

test.each([
  ["that is too large", "x".repeat(300_000), "TEMPLATE_LIMIT"],
  ["with wrong syntax", "{% for m in messages %}", "TEMPLATE_INVALID"],
  ["with an unknown filter", "{{ messages | explode }}", "TEMPLATE_INVALID"],
  [
    "nested too deep",
    `${"(".repeat(20_000)}1${")".repeat(20_000)}`.replace(/^/, "{{ ").replace(/$/, " }}"),
    "TEMPLATE_LIMIT",
  ],
] as const)("J4 a file with a template %s is refused when it is loaded", async (_, template, reason) => {
  const path = await writeVocabulary("template", bytePairMetadata({ "tokenizer.chat_template": template }));
  const error: unknown = await createTokenizerService({ modelPath: path }).then(
    (room) => room.close(),
    (thrown: unknown) => thrown,
  );
  rmSync(path);
  expect(error).toEqual(failing(reason));
  expect(error).toMatchObject({ field: "tokenizer.chat_template" });
});
