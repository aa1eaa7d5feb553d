// Untrusted code that nests more deeply than the engine can: it is scored like other code, and the next job is served.

import { afterAll, expect, test } from "bun:test";
import { createSandbox } from "../../../services/verifier/src/sandbox/sandbox.ts";

const sandbox = createSandbox();
afterAll(() => sandbox.close());

const tests = [
  { arguments: ["abc"], expected: "cba" },
  { arguments: [""], expected: "" },
];
const run = (code: string) => sandbox.run({ code, functionName: "reverse", tests });

test("code that nests until the engine's own stack ends is scored, too, and takes the process from no other job", async () => {
  await run("function reverse() {}");
  const { pid } = sandbox;
  const nested = "JSON.parse('['.repeat(1e5) + ']'.repeat(1e5))";
  const code = `function reverse(s) { return s === '' ? ${nested} : [...s].reverse().join(''); }`;
  expect(await run(code)).toMatchObject({ end: "out_of_memory", passed: 1 });
  expect(await run(`${nested}; function reverse() {}`)).toMatchObject({ end: "out_of_memory", passed: 0 });
  expect(await run("const reverse = (s) => [...s].reverse().join('')")).toMatchObject({ passed: 2 });
  expect(sandbox.pid).toBe(pid);
});
