/** The commands a person types, on the real model. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCommand } from "../support/cli.ts";

setDefaultTimeout(120_000);

test("generate answers, and its JSON carries tokens a second", async () => {
  const result = await runCommand([
    "generate",
    "What is the capital of France, and what is it known for?",
    "--max-tokens",
    "12",
    "--json",
  ]);
  expect(result).toMatchObject({ code: 0, stderr: "" });
  const answer = JSON.parse(result.stdout);
  expect(answer.choices[0].text).toContain("Paris");
  expect(answer.timings.tokensPerSecond).toBeGreaterThan(0);
});

test("steering by a recipe that is not built fails and says how to build it", async () => {
  const store = mkdtempSync(join(tmpdir(), "trimtab-cli-"));
  const args = ["generate", "Hello", "--recipe", "refusal", "--max-tokens", "4"];
  const result = await runCommand(args, { TRIMTAB_STORE: store });
  expect(result.code).not.toBe(0);
  expect(result.stdout).toBe("");
  expect(result.stderr).toMatch(/refusal.*build/s);
  rmSync(store, { recursive: true, force: true });
});

test("doctor is content with a machine that has a model, and names a model that is missing", async () => {
  const good = await runCommand(["doctor"]);
  expect(good).toMatchObject({ code: 0 });
  expect(good.stdout).toMatch(/ok {3}compute +\d+ x (relaxed|plain)/);
  const bad = await runCommand(["doctor", "--model", "/nonexistent.gguf"]);
  expect(bad).toMatchObject({ code: 1 });
  expect(bad.stdout).toContain("/nonexistent.gguf does not exist");
});

test("wrong arguments are refused with the range they must lie in", async () => {
  const result = await runCommand(["generate", "Hello", "--temperature", "3"]);
  expect(result.code).not.toBe(0);
  expect(result.stderr).toContain("from 0 to 2");
});

test("a key that would have ended already is not made", async () => {
  for (const expires of ["2001-01-01", "soon"]) {
    const result = await runCommand(["key", "create", "lent", "--expires", expires]);
    expect(result.code).not.toBe(0);
    expect(result.stderr).toContain("in the future");
  }
});

test("how to load a model beside the address of a server, which has loaded its own, is refused", async () => {
  const { code, stdout, stderr } = await runCommand([
    ...["generate", "Hello", "--address", "127.0.0.1:1", "--quantize", "q8_0"],
  ]);
  expect([code, stdout]).toEqual([64, ""]);
  expect(stderr).toContain("(field --quantize)");
});

test("an address at which nobody listens is told with how to start a server, and exits as unavailable", async () => {
  const result = await runCommand(["generate", "Hello", "--address", "127.0.0.1:1"]);
  expect(result).toMatchObject({ code: 69, stdout: "" });
  expect(result.stderr).toContain("`trimtab serve` starts");
});
