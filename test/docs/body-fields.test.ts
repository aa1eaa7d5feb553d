// docs/gateway.md names the fields of HTTP bodies: all that there are, and no others.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { TrimtabError } from "#kit/errors.ts";
import { parseChatBody, parseCompletionBody, parseEmbeddingBody } from "../../gateway/src/openai/schema.ts";
import { withoutUnsupported } from "../../gateway/src/openai/unsupported.ts";

const root = join(import.meta.dir, "..", "..");
const page = readFileSync(join(root, "docs", "gateway.md"), "utf8");

/** Words in code of a row of the table; a field's own fields and values stand behind it in brackets and are left out. */
function namesIn(row: string): string[] {
  const cell = new RegExp(`^\\| ${row} +\\| (.*?) +\\|$`, "m").exec(page)?.[1] ?? "";
  const fields = cell.replaceAll(/\([^)]*\)/g, "").replaceAll(/ \{[^}]*\}/g, "");
  return [...fields.matchAll(/`([a-z_ ]+)`/g)].flatMap(([, names = ""]) => names.split(" "));
}

type Body = Record<string, unknown>;
const CHAT = { model: "m", messages: [{ role: "user", content: "x" }] };
const ENDPOINTS = {
  chats: (body: Body) => parseChatBody({ ...CHAT, ...body }),
  completions: (body: Body) => parseCompletionBody({ model: "m", prompt: "x", ...body }),
  embeddings: (body: Body) => parseEmbeddingBody({ model: "m", input: "x", ...body }),
};

/** Is `name` a field? Its value is of a kind that no field takes, so that something is wrong in any case. */
function isKnown(endpoint: keyof typeof ENDPOINTS, name: string, inside?: string): boolean {
  const wrong = { [name]: Symbol("nothing takes this") };
  try {
    ENDPOINTS[endpoint](inside === undefined ? wrong : { [inside]: wrong });
    return true;
  } catch (error) {
    return !(error instanceof TrimtabError && error.reason === "UNKNOWN_FIELD");
  }
}

test.each([
  ["of both", "chats"],
  ["of both", "completions"],
  ["of chats", "chats"],
  ["of completions", "completions"],
  ["of embeddings", "embeddings"],
] as const)("fields %s are known to %s", (row, endpoint) => {
  const names = namesIn(row);
  expect(names.length).toBeGreaterThan(2);
  expect(names.filter((name) => !isKnown(endpoint, name))).toEqual([]);
  expect(isKnown(endpoint, "nobody_knows_this")).toBe(false);
});

test.each(["steering", "scaling"])("fields inside %s are known", (inside) => {
  const names = namesIn(`\`${inside}\``);
  expect(names.length).toBeGreaterThan(8);
  expect(names.filter((name) => !isKnown("chats", name, inside))).toEqual([]);
  expect(isKnown("chats", "nobody_knows_this", inside)).toBe(false);
});

test("every field of the schema is on the page", () => {
  const code = readFileSync(join(root, "gateway", "src", "openai", "schema.ts"), "utf8");
  const blocks = [
    ...code.matchAll(
      /^const (?:common|chat|completion|embedding|singleUse|steeringUse) = [^;]*?\{\n([\s\S]*?)^\}/gm,
    ),
  ];
  expect(blocks).toHaveLength(6);
  const names = blocks.flatMap(([, fields = ""]) =>
    [...fields.matchAll(/^ {2}([a-z_]+):/gm)].map(([, name = ""]) => name),
  );
  expect(names.length).toBeGreaterThan(50);
  expect(names.filter((name) => !new RegExp(`[\`{ ]${name}[\`} ]`).test(page))).toEqual([]);
});

test("fields without effect, and fields that are refused, are those of the code", () => {
  const idle = namesIn("no effect");
  expect(withoutUnsupported(Object.fromEntries(idle.map((name) => [name, "x"])))).toEqual({});
  const refused = namesIn("refused by name, unless harmless");
  expect(refused.length).toBeGreaterThan(12);
  for (const name of refused) expect(() => withoutUnsupported({ [name]: "x" })).toThrow(name);
  const code = readFileSync(join(root, "gateway", "src", "openai", "unsupported.ts"), "utf8");
  const count = (/UNSUPPORTED:[^{]*\{([\s\S]*?)^\}/m.exec(code)?.[1] ?? "").match(/^ {2}[a-z_]+:/gm)?.length;
  expect(refused).toHaveLength(count ?? 0);
  expect(idle).toHaveLength(
    (/WITHOUT_EFFECT[^=]*= \[([\s\S]*?)\]/.exec(code)?.[1] ?? "").match(/"/g)!.length / 2,
  );
});
