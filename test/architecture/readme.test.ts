// What the README tells people to type must exist.

import { expect, test } from "bun:test";
import { isFile, readPackage, readProject } from "./project-files.ts";

const NPM_BUILTINS = new Set(["ci", "install", "i", "pack", "publish", "run", "exec", "view"]);
const NPM_COMMAND = /\bnpm (run )?([a-z][\w:-]*)/g;
const LINK = /\]\((?!https?:|#|mailto:)([^)#\s]+)/g;

const pages = readProject().filter(({ path }) => path === "README.md" || /^docs\/.*\.md$/.test(path));

test("there is a README", () => {
  expect(pages.map(({ path }) => path)).toContain("README.md");
});

test("every npm command in README and docs is a script of package.json", () => {
  const { scripts } = readPackage();
  const isCode = (line: string) => /`|^\s{4,}|^\s*(\$ )?npm /.test(line);
  const unknown = pages.flatMap(({ path, lines }) =>
    lines.flatMap((line, index) =>
      [...(isCode(line) ? line : "").matchAll(NPM_COMMAND)]
        .filter(
          ([, run, name = ""]) =>
            scripts[name] === undefined && (run !== undefined || !NPM_BUILTINS.has(name)),
        )
        .map(([text]) => `${path}:${index + 1} ${text}`),
    ),
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
