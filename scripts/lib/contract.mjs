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

/** What tests count, in the order of the table. */
const COUNTED = ["simulation steps", "fuzz cases", "conformance", "mixed calls", "soak"];

/**
 * Lines of the table: rows kept of each list with their cases, then what tests counted, kinds that were not counted among them.
 * @param cases row ids, one list a passed test.
 * @returns `[what, count, note]` a line.
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
    const tests = `${cases.filter((of) => of.some(isOurs)).length} cases`;
    const without = missing.length > 0 ? `; without: ${missing.join(" ")}` : "";
    return [name, `${kept.size} of ${all}`, `${tests}${without}`];
  });
  return [...lines, ...countLines(readCounts())];
}

/** Lines of counts, by kind; what is not of a known kind comes last. */
function countLines(counts) {
  const line = ({ what, count, note }) => [what, Number(count).toLocaleString("en"), note];
  const known = COUNTED.flatMap((kind) => {
    const own = counts.filter(({ what }) => what.startsWith(kind));
    if (own.length === 0) return [[kind, "–", "not in this run"]];
    if (own.length === 1) return own.map(line);
    const all = own.reduce((sum, { count }) => sum + Number(count), 0);
    const parts = own.map(line).map(([what, ...rest]) => [`  ${what}`, ...rest]);
    return [[kind, all.toLocaleString("en"), "in all"], ...parts];
  });
  const others = counts.filter(({ what }) => !COUNTED.some((kind) => what.startsWith(kind)));
  return [...known, ...others.map(line)];
}

function readCounts() {
  const file = countsFile();
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").trim().split("\n");
  rmSync(file);
  return lines.map((line) => JSON.parse(line));
}
