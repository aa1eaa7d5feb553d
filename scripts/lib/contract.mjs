// What the tests say of the contract (docs/reliability.md): rows of its lists, carried in the names of tests ("G9 …", "X1 X2 …"),
// and counts that tests hand over as JSON lines (`test/support/counts.ts`).

import { existsSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Rows of each list, by letter. */
const LISTS = [
  { name: "bad inputs", rows: { G: 32, T: 16, K: 10, J: 7, F: 17, A: 15, C: 8 } },
  { name: "faults", rows: { X: 29 } },
];
const ROW_NAME = /^(?:[GTKJFACX]\d{1,2} )+/;

/** The file tests hand their counts over in; its name goes to them as `TRIMTAB_TEST_COUNTS`. */
export const countsFile = () => join(tmpdir(), `trimtab-${process.pid}-counts.jsonl`);

/**
 * Passed tests of a JUnit report that name a row.
 * @returns one list of row ids a test.
 */
export function readRows(report) {
  const passed = [...report.matchAll(/<testcase name="([^"]*)"[^>]*?(\/>|>\s*<(?:failure|error|skipped))/g)];
  return passed
    .filter(([, , end]) => end === "/>")
    .map(([, name]) => ROW_NAME.exec(name)?.[0].trim().split(" ") ?? [])
    .filter((rows) => rows.length > 0);
}

/**
 * Lines of the table: rows kept of each list with their cases, then what tests counted.
 * @param cases row ids, one list a passed test.
 */
export function contractLines(cases) {
  const lines = LISTS.map(({ name, rows }) => {
    const letters = Object.keys(rows);
    const isOurs = (row) => letters.includes(row[0]);
    const kept = new Set(cases.flat().filter(isOurs));
    const missing = letters.flatMap((letter) =>
      Array.from({ length: rows[letter] }, (_, i) => `${letter}${i + 1}`).filter((row) => !kept.has(row)),
    );
    const all = Object.values(rows).reduce((sum, count) => sum + count, 0);
    const count = `${kept.size} of ${all} rows, ${cases.filter((of) => of.some(isOurs)).length} cases`;
    return [name, missing.length > 0 ? `${count}; without: ${missing.join(" ")}` : count];
  });
  return [...lines, ...readCounts()];
}

function readCounts() {
  const file = countsFile();
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").trim().split("\n");
  rmSync(file);
  return lines.map((line) => {
    const { what, count, note } = JSON.parse(line);
    return [what, `${Number(count).toLocaleString("en")}${note ? `, ${note}` : ""}`];
  });
}
