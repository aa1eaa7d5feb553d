/** `trimtab steer` and `generate --direction`, as somebody uses them who has two texts and no recipe, on the real model. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startStack, type Stack } from "../../cli/src/compose.ts";
import { blocks } from "../../cli/src/steer/lists.ts";
import { defaultModelPath } from "#kit/paths.ts";
import { writeSafetensors } from "#kit/safetensors.ts";
import { runCommand } from "../support/cli.ts";

setDefaultTimeout(120_000);
const folder = mkdtempSync(join(tmpdir(), "trimtab-steer-"));
let stack: Stack;
let server: string[];
beforeAll(async () => {
  process.env.TRIMTAB_STORE = join(folder, "store");
  const listen = { host: "127.0.0.1", grpcPort: 0, httpPort: 0 };
  stack = await startStack({ modelPath: defaultModelPath(), threads: 1, ...listen });
  server = ["--address", `127.0.0.1:${stack.grpcPort}`];
});
afterAll(async () => {
  await stack.close();
  rmSync(folder, { recursive: true });
});

const POSITIVE = ["What a joy, I love this wonderful day!", "How happy I am to help you!"];
const NEGATIVE = ["What a misery, I hate this awful day.", "How sad I am to be asked."];

/** A text file and a JSONL file of the same texts. */
function files(): string[] {
  const [positive, negative] = [join(folder, "positive.txt"), join(folder, "negative.jsonl")];
  writeFileSync(positive, `${POSITIVE.join("\n")}\n`);
  writeFileSync(negative, NEGATIVE.map((text) => `${JSON.stringify({ text })}\n`).join(""));
  return ["--positive-file", positive, "--negative-file", negative];
}

test("texts typed and texts in files make the same direction, which is listed and can be forgotten", async () => {
  const typed = ["--positive", ...POSITIVE, "--negative", ...NEGATIVE];
  const made = await runCommand(["steer", "extract", "typed", ...typed, ...server]);
  expect(made).toMatchObject({ code: 0, stderr: "" });
  const read = await runCommand(["steer", "extract", "read", ...files(), ...server, "--json"]);
  const { digest } = JSON.parse(read.stdout);
  expect(made.stdout).toBe(`typed@${digest}\n`);
  const list = await runCommand(["steer", "list", ...server]);
  expect(list.stdout).toMatch(/^read +direction +sha256:[0-9a-f]{12} .*\ntyped +direction +sha256:/);
  expect((await runCommand(["steer", "delete", "read", ...server])).code).toBe(0);
  const left = await runCommand(["steer", "list", ...server, "--json"]);
  expect(JSON.parse(left.stdout)).toMatchObject([{ name: "typed", digest }]);
});

test("show says what a scale of 1 is: a dose of that size does the same", async () => {
  const { blocks: rows } = JSON.parse(
    (await runCommand(["steer", "show", "typed", ...server, "--json"])).stdout,
  );
  expect(rows.map(({ block }: { block: number }) => block)).toEqual([...Array(30).keys()]);
  const { doseAtScale1 } = rows[12];
  const proofs = [];
  for (const strength of [
    { scale: 1 },
    { dose: { dose: { case: "relative" as const, value: doseAtScale1 } } },
  ]) {
    const steering = { use: { direction: "typed", layers: [12], ...strength }, proof: true };
    const spec = { prompt: { case: "text" as const, value: "How are you" }, maxTokens: 1, steering };
    const { choices } = await stack.client.complete({ spec: { ...spec, sampling: { temperature: 0 } } });
    proofs.push(choices[0]?.finished?.proof[0]?.meanRelativeChange ?? Number.NaN);
  }
  expect(proofs[0]).toBeGreaterThan(0.01);
  expect(proofs[1]).toBeCloseTo(proofs[0] ?? Number.NaN, 5);
  const text = (await runCommand(["steer", "show", "typed", ...server])).stdout;
  expect(text).toContain(doseAtScale1.toFixed(3));
});

test("show tells the evidence that a file carries, and nothing that moves a terminal", async () => {
  const data = writeSafetensors(
    { "direction.12": { shape: [576], data: new Float32Array(576).fill(1) } },
    { "trimtab.method": "odd\u001b[2J", "trimtab.fact.false_effect": "0.125\u0007" },
  );
  const file = join(folder, "odd.safetensors");
  writeFileSync(file, data);
  const imported = await runCommand(["steer", "import", "odd", file, "--format", "safetensors", ...server]);
  expect(imported).toMatchObject({ code: 0, stderr: "" });
  const { stdout } = await runCommand(["steer", "show", "odd", ...server]);
  expect(stdout).toContain("direction by odd?[2J, 1 blocks");
  expect(stdout).toContain("false effect: 0.125?");
});

test("generate steers with it, and --compare shows both answers", async () => {
  const ask = ["generate", "How are you today?", "--max-tokens", "12", ...server];
  const base = await runCommand(ask);
  const steer = ["--direction", "typed", "--dose", "0.05"];
  const steered = await runCommand([...ask, ...steer]);
  expect(steered.stdout).not.toBe(base.stdout);
  const both = await runCommand([...ask, ...steer, "--compare"]);
  expect(both.stdout).toBe(`base\n${base.stdout}\nsteered\n${steered.stdout}`);
});

test("what is missing is named by its option, before anything is started", async () => {
  const cases: [string[], string][] = [
    [["steer", "extract", "half", "--positive", "What a joy!"], "--negative"],
    [["generate", "Hello", "--compare", ...server], "--compare"],
    [["generate", "Hello", "--dose", "0.1", ...server], "--dose"],
    [["steer", "fit", "none", "--method", "iti", "--heads", "many"], "--heads"],
    [["serve", "--service", "tokenizer", "--recipe", "refusal"], "--recipe"],
    [["steer", "sweep", "none", "--doses", "0.1,much"], "--doses"],
    [["recipe", "eval", "refusal", "--mode", "reply"], "--mode"],
    [["recipe", "eval", "refusal", "--max-tokens", "8"], "--max-tokens"],
    [["serve", "--listen", "127.0.0.1:0"], "--listen"],
    [["serve", "--loaded-file", "loaded.json"], "--loaded-file"],
    [["demo", "search", "--json", "numbers.json"], "--json"],
  ];
  for (const [args, named] of cases) {
    const result = await runCommand(args);
    expect([result.code, result.stdout, result.stderr]).toEqual([64, "", expect.stringContaining(named)]);
  }
});

test("a file that is not there is told as such, before anything is started", async () => {
  const result = await runCommand(["steer", "import", "none", "nowhere.gguf"]);
  expect([result.code, result.stdout]).toEqual([66, ""]);
  expect(result.stderr).toContain("nowhere.gguf cannot be read (field file) [ARTIFACT_NOT_FOUND]");
});

test("a list of blocks is numbers and ranges, or refused", () => {
  expect(blocks("9,12-14")).toEqual([9, 12, 13, 14]);
  for (const wrong of ["", "x", "3-", "5-3", "1-2-3", "-1"]) expect(() => blocks(wrong)).toThrow();
});
