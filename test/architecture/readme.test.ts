// What the README tells people to type must exist.

import { expect, test } from "bun:test";
import { isFile, type ProjectFile, readPackage, readProject } from "./project-files.ts";

const NPM_BUILTINS = new Set(["ci", "install", "i", "pack", "publish", "run", "exec", "view"]);
/** In a fenced block a command starts a line or follows another; in prose it starts a code span. */
const NPM_IN_BLOCK = /(?:^\s*(?:\$ )?|&& |; )npm (run )?([a-z][\w:-]*)/g;
const NPM_IN_PROSE = /`npm (run )?([a-z][\w:-]*)/g;
const LINK = /\]\((?!https?:|#|mailto:)([^)#\s]+)/g;

const pages = readProject().filter(({ path }) => path === "README.md" || /^docs\/.*\.md$/.test(path));

function listCommands({ path, lines }: ProjectFile): { place: string; run: boolean; name: string }[] {
  let isFenced = false;
  return lines.flatMap((line, index) => {
    if (/^\s*```/.test(line)) isFenced = !isFenced;
    const found = [...line.matchAll(isFenced ? NPM_IN_BLOCK : NPM_IN_PROSE)];
    return found.map(([, run, name = ""]) => ({
      place: `${path}:${index + 1}`,
      run: run !== undefined,
      name,
    }));
  });
}

test("there is a README", () => {
  expect(pages.map(({ path }) => path)).toContain("README.md");
});

test("every npm command in README and docs is a script of package.json", () => {
  const { scripts } = readPackage();
  const unknown = pages.flatMap((page) =>
    listCommands(page)
      .filter(({ run, name }) => scripts[name] === undefined && (run || !NPM_BUILTINS.has(name)))
      .map(({ place, name }) => `${place} npm ${name}`),
  );
  expect(unknown).toEqual([]);
});

test("every relative link in README and docs leads to a file", () => {
  const broken = pages.flatMap(({ path, lines }) =>
    lines.flatMap((line, index) =>
      [...line.matchAll(LINK)]
        .map(([, target = ""]) => ({ target, file: new URL(target, `file:///${path}`).pathname.slice(1) }))
        .filter(({ file }) => !isFile(decodeURIComponent(file)))
        .map(({ target }) => `${path}:${index + 1} ${target}`),
    ),
  );
  expect(broken).toEqual([]);
});
