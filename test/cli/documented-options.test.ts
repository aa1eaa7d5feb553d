// docs/cli.md has a row for every command, with the options that the command takes and no others.
import type { Command } from "commander";
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createProgram } from "../../cli/src/program.ts";

const page = readFileSync(join(import.meta.dir, "..", "..", "docs", "cli.md"), "utf8");
const commandsPart = page.slice(page.indexOf("## Commands"), page.indexOf("## Design"));

/** Sets of options that the page names by a letter. */
const SETS: Readonly<Record<string, readonly string[]>> = {
  M: ["--model", "--quantize", "--threads"],
  T: ["--model", "--quantize", "--threads", "--address"],
  S: ["--recipe", "--direction", "--scale", "--dose"],
};
const FLAG = /--[a-z][a-z0-9-]*/g;

interface Row {
  /** Words of the command, without arguments and options. */
  readonly command: string;
  readonly options: Set<string>;
  /** Some of its options are in a paragraph below the table. */
  readonly goesOn: boolean;
}

const rows = [...commandsPart.matchAll(/^\| `([^`]+)` +\| (.*?) +\| .* \|$/gm)].map(
  ([, name = "", cell = ""]): Row => {
    const letters = cell.split(/[,;] /).flatMap((item) => SETS[item.trim()] ?? []);
    return {
      command: name
        .split(" ")
        .filter((word) => /^[a-z]+$/.test(word))
        .join(" "),
      options: new Set([...letters, ...(cell.match(FLAG) ?? []), ...(name.match(FLAG) ?? [])]),
      goesOn: cell.includes("see below"),
    };
  },
);

/** Long options of every command that can be run, by its words; `--json` and `--help` are said of all at once. */
function optionsOf(command: Command, path: string[] = []): [string, string[]][] {
  if (command.commands.length > 0)
    return command.commands.flatMap((one) => optionsOf(one, [...path, one.name()]));
  const shown = command.options.filter(({ hidden, long }) => !hidden && long !== "--json");
  return [[path.join(" "), shown.map(({ long }) => long ?? "")]];
}

const actual = new Map(optionsOf(createProgram()));

test("every command has a row, and every row is a command", () => {
  const documented = new Set(rows.map(({ command }) => command));
  expect([...actual.keys()].filter((name) => !documented.has(name))).toEqual([]);
  const known = (name: string) => actual.has(name) || actual.has(name.split(" ")[0] ?? "");
  expect([...documented].filter((name) => !known(name))).toEqual([]);
});

test.each([...actual])("%s: its options are on the page, and the page has no others", (name, options) => {
  const own = rows.filter(({ command }) => command === name);
  const said = new Set(own.flatMap((row) => [...row.options]));
  const below: readonly string[] = own.some(({ goesOn }) => goesOn) ? (commandsPart.match(FLAG) ?? []) : [];
  expect(options.filter((flag) => !said.has(flag) && !below.includes(flag))).toEqual([]);
  expect([...said].filter((flag) => flag !== "--json" && !options.includes(flag))).toEqual([]);
});
