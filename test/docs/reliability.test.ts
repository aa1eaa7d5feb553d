// docs/reliability.md lists every row of the contract beside the tests that keep it: each of them must name the row.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const docs = join(import.meta.dir, "..", "..", "docs");
const page = readFileSync(join(docs, "reliability.md"), "utf8");
const rows = [...page.matchAll(/^\| ([GTKJFACX]\d+) +\| (.+?) +\| (.+?) +\|$/gm)].map(
  ([, row = "", , links = ""]) => ({
    row,
    files: [...links.matchAll(/\]\((\.\.\/[^)]+)\)/g)].map(([, path = ""]) => path),
  }),
);
const COUNTS = { G: 32, T: 16, K: 10, J: 7, F: 17, A: 15, C: 8, X: 29 };

test("the page lists every row once, in order", () => {
  const expected = Object.entries(COUNTS).flatMap(([letter, count]) =>
    Array.from({ length: count }, (_, i) => `${letter}${i + 1}`),
  );
  expect(rows.map(({ row }) => row)).toEqual(expected);
});

test("every test file named beside a row has a test of that row", () => {
  const wrong = rows.flatMap(({ row, files }) => {
    const named = new RegExp(`["\`](?:[GTKJFACX]\\d+ )*${row} `);
    const without = files.filter((path) => !named.test(readFileSync(join(docs, path), "utf8")));
    return files.length === 0
      ? [`${row} has no test`]
      : without.map((path) => `${path} does not name ${row}`);
  });
  expect(wrong).toEqual([]);
});
