// Untrusted code under test: what it scores, and that it can neither run on, nor grow, nor reach anything.

import { afterAll, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { SANDBOX_LIMITS } from "../../../services/verifier/limits.ts";
import { createSandbox } from "../../../services/verifier/src/sandbox/sandbox.ts";
import { judge, judgeTexts } from "./service.ts";

const sandbox = createSandbox();
afterAll(() => sandbox.close());

const tests = [
  { arguments: ["abc"], expected: "cba" },
  { arguments: [""], expected: "" },
];
const reverse = { function: "reverse", tests };
const run = (code: string) => sandbox.run({ code, functionName: "reverse", tests });

test("a function scores the share of tests it passes, with the first failing call as the reason", async () => {
  const texts = [
    "Here:\n```js\nfunction reverse(s) { return [...s].reverse().join(''); }\n```\nDone.",
    "const reverse = (s) => s;",
    "function other() {}",
    "function reverse(s) { throw new Error('no') }",
    "not code at all",
  ];
  expect(await judgeTexts("unit_tests", reverse, texts)).toEqual([
    "1 passed",
    "0.5 failed",
    "0 broken",
    "0 failed",
    "0 broken",
  ]);
  const [verdict] = await judge("unit_tests", reverse, [{ text: texts[1] ?? "" }]);
  expect(verdict?.reason).toContain('reverse("abc") gives "abc"');
});

test("a function beside which an example is printed, or which is exported, is judged by its tests", async () => {
  const reversed = "function reverse(s) { console.debug(s); return [...s].reverse().join(''); }";
  const own = "const console = { debug() {} };";
  const around = [
    "console.log(reverse('abc'));",
    "module.exports = { reverse };",
    "exports.reverse = reverse;",
    own,
  ];
  for (const more of around) {
    expect(await run(`${reversed}\n${more}`)).toEqual({ end: "finished", passed: 2, witness: "" });
  }
});

test("a function that returns nothing does not return null", async () => {
  const expected = [{ arguments: [], expected: null }];
  const ends = ["function f() {}", "function f() { return null; }"].map((code) =>
    sandbox.run({ code, functionName: "f", tests: expected }),
  );
  expect((await Promise.all(ends)).map(({ passed }) => passed)).toEqual([0, 1]);
});

const calls = (count: number) =>
  Array.from({ length: count }, () => ({ arguments: ["abc"], expected: "cba" }));
const slow = (loops: number) =>
  `function reverse(s) { for (let i = 0; i < ${loops}; i++); return [...s].reverse().join(''); }`;

test("sound code passes however long the machine does not let it run", async () => {
  await run(slow(0));
  const { pid = 0 } = sandbox;
  const job = sandbox.run({ code: slow(1e6), functionName: "reverse", tests: calls(5) });
  for (let stopped = 0; stopped < 3; stopped++) {
    process.kill(pid, "SIGSTOP");
    await Bun.sleep(SANDBOX_LIMITS.jobMs / 2 + 100);
    process.kill(pid, "SIGCONT");
    await Bun.sleep(20);
  }
  expect(await job).toMatchObject({ end: "finished", passed: 5 });
});

test("the time of a job is that of all its calls, and those that passed before it was used up count", async () => {
  const job = { code: slow(1.2e7), functionName: "reverse", tests: calls(SANDBOX_LIMITS.tests) };
  const { end, passed } = await sandbox.run(job);
  expect(end).toBe("timed_out");
  expect(passed).toBeLessThan(SANDBOX_LIMITS.tests);
});

test("code that loops or allocates without end is stopped and scored by the tests it passed", async () => {
  const cases: [string, string, number][] = [
    ["function reverse(s) { if (s === '') for (;;); return [...s].reverse().join(''); }", "timed_out", 1],
    ["for (;;);", "timed_out", 0],
    ["function reverse(s) { return reverse(s) + reverse(s); }", "finished", 0],
    ["function reverse() { return new Array(1e9).fill(1).join(); }", "out_of_memory", 0],
    ["function reverse() { return /^(a+)+$/.test('a'.repeat(40) + 'b'); }", "timed_out", 0],
  ];
  for (const [code, end, passed] of cases) {
    expect(await run(code)).toMatchObject({ end, passed });
  }
});

test("native loops that no interrupt reaches end with their process, and the next job has a new one", async () => {
  await run("function reverse() {}");
  const endless = "function reverse() { return Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1); }";
  await expect(run(endless)).rejects.toMatchObject({
    reason: "DEADLINE_EXCEEDED",
    limit: `${SANDBOX_LIMITS.jobMs} ms`,
  });
  expect(sandbox.pid).toBeUndefined();
  expect(await run("const reverse = (s) => [...s].reverse().join('')")).toEqual({
    end: "finished",
    passed: 2,
    witness: "",
  });
});

test("a child that died while it had nothing to do is replaced", async () => {
  const good = "const reverse = (s) => [...s].reverse().join('')";
  await run(good);
  process.kill(sandbox.pid ?? 0, "SIGKILL");
  const met = await run(good).catch(({ reason }) => ({ reason }));
  expect(met).toMatchObject("reason" in met ? { reason: "SERVICE_UNAVAILABLE" } : { passed: 2 });
  expect(await run(good)).toMatchObject({ passed: 2 });
});

test("code reaches no process, file, module, network or timer", async () => {
  const names = ["process", "Bun", "require", "fetch", "WebSocket", "Worker", "setTimeout", "navigator"];
  const probe = `function reverse() { return ${JSON.stringify(names)}.filter((n) => n in globalThis); }`;
  const expected = [{ arguments: [], expected: [] }];
  expect(await sandbox.run({ code: probe, functionName: "reverse", tests: expected })).toMatchObject({
    passed: 1,
  });
  const importing =
    "function reverse() { import('node:fs').then((fs) => fs.writeFileSync('leak', '')); return ''; }";
  await run(importing);
  expect(existsSync("leak")).toBe(false);
  expect((await run("import fs from 'node:fs'; function reverse() {}")).end).toBe("broken");
});

test("a sandbox that is closed starts no process for the jobs that wait", async () => {
  const own = createSandbox();
  const job = { code: "function reverse() {}", functionName: "reverse", tests };
  const jobs = [own.run(job), own.run(job), own.run(job)].map((run) => run.catch(({ reason }) => reason));
  own.close();
  const late = own.run(job).catch(({ reason }) => reason);
  expect(new Set(await Promise.all([...jobs, late]))).toEqual(new Set(["SERVICE_UNAVAILABLE"]));
  expect(own.pid).toBeUndefined();
});

test("one job cannot change what the next one sees", async () => {
  await run("Array.prototype.reverse = () => ['bad']; globalThis.kept = 1; function reverse() {}");
  const clean = "function reverse(s) { return 'kept' in globalThis ? '' : [...s].reverse().join(''); }";
  expect(await run(clean)).toMatchObject({ passed: 2 });
});
