// docs/errors.md is the public list of error reasons: it must say what the code does, reason by reason.

import { Code } from "@connectrpc/connect";
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type ReasonMapping, REASONS } from "#kit/errors.ts";

const page = readFileSync(join(import.meta.dir, "..", "..", "docs", "errors.md"), "utf8");
/** Cells are padded by the formatter. */
const ROW = /^\| `([A-Z_]+)` +\| ([A-Z_]+) +\| (\d{3}) +\| `([a-z_]+)` +\| (–|\d+) +\| (.+?) +\|$/gm;
const rows = [...page.matchAll(ROW)];

/** Codes as the gRPC specification spells them: NotFound is NOT_FOUND, Canceled has two l. */
function spell(code: Code): string {
  if (code === Code.Canceled) return "CANCELLED";
  return (Code[code] ?? "").replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
}

test("the documented reasons are the code's, in its order, each once", () => {
  expect(rows.map(([, reason = ""]) => reason)).toEqual(Object.keys(REASONS));
  expect(page).toContain(`${rows.length} reasons`);
});

test("code, status, OpenAI code and retry hint of every reason are documented as they are", () => {
  const documented = rows.map(([, reason, code, status, openaiCode, retry]) => {
    return { reason, code, status, openaiCode, retry };
  });
  const actual = Object.entries(REASONS).map(([reason, mapping]: [string, ReasonMapping]) => ({
    reason,
    code: spell(mapping.code),
    status: String(mapping.httpStatus),
    openaiCode: mapping.openaiCode,
    retry: mapping.retryAfterMs === undefined ? "–" : String(mapping.retryAfterMs),
  }));
  expect(documented).toEqual(actual);
});

test("every reason says what it means, and no two the same", () => {
  const meanings = rows.map(([, , , , , , meaning]) => meaning ?? "");
  expect(new Set(meanings).size).toBe(Object.keys(REASONS).length);
});
