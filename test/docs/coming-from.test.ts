// docs/coming-from.md tells people which of other programs' names are accepted: each must be, and none may be missing.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { withOurNames } from "../../gateway/src/openai/aliases.ts";

const root = join(import.meta.dir, "..", "..");
const page = readFileSync(join(root, "docs", "coming-from.md"), "utf8");
const table = page.slice(page.indexOf("## Names that are accepted"));
const rows = [...table.matchAll(/^\| (`.+?`) +\| `([^`]+)` +\| [^|]+ \|$/gm)].flatMap(
  ([, theirs = "", ours = ""]) =>
    [...theirs.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => [name, ours] as const),
);

/** A value that the field takes, where it is not a number. */
const VALUES: Readonly<Record<string, unknown>> = {
  guided_json: { type: "object" },
  json_schema: { type: "object" },
  "structured_outputs.json": { type: "object" },
  "structured_outputs.json_object": true,
  speculative_config: { method: "ngram", num_speculative_tokens: 4 },
};

function bodyOf(path: string): Record<string, unknown> {
  const [first = "", second] = path.split(".");
  const value = VALUES[path] ?? 3;
  return second === undefined ? { [first]: value } : { [first]: { [second]: value } };
}

function at(body: unknown, path: string): unknown {
  return path
    .split(".")
    .reduce<unknown>((value, name) => (value as Record<string, unknown> | undefined)?.[name], body);
}

test.each(rows)("%s is read as %s", (theirs, ours) => {
  const { body } = withOurNames(bodyOf(theirs));
  expect(at(body, ours)).toBeDefined();
  expect(at(body, theirs)).toBeUndefined();
});

test("every alias of the code is on the page", () => {
  const code = readFileSync(join(root, "gateway", "src", "openai", "aliases.ts"), "utf8");
  const tables = [
    ...code.matchAll(/^const (?:BODY|OUTPUT|STEERING|STEP|STRATEGY)_ALIASES[^{]*\{([^}]*)\}/gm),
  ];
  expect(tables).toHaveLength(5);
  const names = tables.flatMap(([, entries = ""]) =>
    [...entries.matchAll(/^ {2}"?([a-z_-]+)"?:/gm)].map(([, name = ""]) => name),
  );
  expect(names.length).toBeGreaterThan(18);
  expect(names.filter((name) => !new RegExp(`[\`.]${name}\``).test(table))).toEqual([]);
});
