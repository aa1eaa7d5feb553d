// The door to every command: arguments, exit codes and signals reach the program behind it and come back.

import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dir, "..", "..");
const folder = mkdtempSync(join(tmpdir(), "trimtab-commands-"));
const node = Bun.which("node") ?? "node";
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a Node module text that has the scripts' own functions at hand. */
function start(text: string): Bun.Subprocess<"ignore", "pipe", "pipe"> {
  const path = join(folder, `${crypto.randomUUID()}.mjs`);
  const library = (name: string) => JSON.stringify(join(root, "scripts", "lib", name));
  const head = `import { replaceWith } from ${library("processes.mjs")};\nimport { withLock } from ${library("lock.mjs")};\n`;
  writeFileSync(path, head + text);
  return Bun.spawn([node, path], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
}

const child = (text: string) => `[${JSON.stringify("-e")}, ${JSON.stringify(text)}]`;

test("an unknown command prints the known ones and ends with code 2", async () => {
  const run = Bun.spawn([node, join(root, "scripts", "run.mjs"), "nonsense"], {
    stdout: "pipe",
    stderr: "pipe",
  });
  expect(await run.exited).toBe(2);
  expect(await new Response(run.stderr).text()).toContain("demo | start");
});

test("the exit code of the program becomes ours", async () => {
  const run = start(`process.exit(await replaceWith(process.execPath, ${child("process.exit(7)")}));`);
  expect(await run.exited).toBe(7);
});

test("a signal reaches the program, and its own way of ending becomes ours", async () => {
  const program = `process.on("SIGTERM", () => process.exit(5)); setInterval(() => {}, 1000); console.log("up");`;
  const run = start(`process.exit(await replaceWith(process.execPath, ${child(program)}));`);
  const reader = run.stdout.getReader();
  await reader.read();
  run.kill("SIGTERM");
  expect(await run.exited).toBe(5);
});

test("two processes never hold a lock at once, and one that was killed holding it is no obstacle", async () => {
  const lock = join(folder, "a.lock");
  const log = join(folder, "log");
  writeFileSync(log, "");
  const path = JSON.stringify(lock);
  const killed = start(
    `await withLock(${path}, () => { console.log("held"); return new Promise(() => setInterval(() => {}, 1000)); });`,
  );
  await killed.stdout.getReader().read();
  killed.kill("SIGKILL");
  await killed.exited;
  const work = `import { appendFileSync } from "node:fs"; import { setTimeout as sleep } from "node:timers/promises";
    const write = (mark) => appendFileSync(${JSON.stringify(log)}, mark);
    await withLock(${path}, async () => { write("("); await sleep(50); write(")"); });`;
  const runs = [start(work), start(work), start(work)];
  expect(await Promise.all(runs.map((run) => run.exited))).toEqual([0, 0, 0]);
  expect(await Bun.file(log).text()).toBe("()()()");
});
