/** What a command that starts the services leaves on disk when it is interrupted or fails: nothing. */
import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { globSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCommand } from "../support/cli.ts";

setDefaultTimeout(120_000);
const MAIN = join(import.meta.dir, "..", "..", "cli", "main.ts");
const POLL_MS = 20;
let directory: string;
beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), "trimtab-left-"))));
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test("after Ctrl-C in mid-answer", async () => {
  const args = ["generate", "Tell a long story.", "--max-tokens", "4000", "--temperature", "1"];
  const child = Bun.spawn([process.execPath, MAIN, ...args], {
    ...{ stdout: "ignore", stderr: "ignore" },
    env: { ...process.env, TMPDIR: directory },
  });
  while (globSync(join(directory, "trimtab-*", "forward.sock")).length === 0) await Bun.sleep(POLL_MS);
  child.kill("SIGINT");
  await child.exited;
  expect([child.signalCode, readdirSync(directory)]).toEqual(["SIGINT", []]);
});

test("after a recipe that serve cannot build, of which JSON says nothing on standard output", async () => {
  const serve = ["serve", "--json", "--recipe", "nope", "--grpc-port", "0", "--http-port", "0"];
  const { code, stdout, stderr } = await runCommand(serve, { TMPDIR: directory });
  expect([code, stdout, stderr]).toEqual([66, "", expect.stringContaining("[RECIPE_NOT_FOUND]")]);
  expect(readdirSync(directory)).toEqual([]);
});
