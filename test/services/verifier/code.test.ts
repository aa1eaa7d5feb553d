// Code out of answers.

import { expect, test } from "bun:test";
import { extractCode } from "../../../services/verifier/src/text/code.ts";

test("blocks are put together, and what modules export is declared alone", () => {
  expect(
    extractCode("Here:\n```js\nexport default function f() {}\n```\nand\n```\nexport const g = 1;\n```"),
  ).toBe("function f() {}\n\nconst g = 1;");
  expect(extractCode("export async function f() {}\nconst s = 'export const';")).toBe(
    "async function f() {}\nconst s = 'export const';",
  );
  expect(extractCode("  function f() {}\n```\ncut off")).toBe("cut off");
  expect(extractCode("export default f;")).toBe("export default f;");
});
