/** At a real pseudo-terminal: keys, the line below the text, whole screens; and what is left of them without one. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startStack, type Stack } from "../../cli/src/compose.ts";
import { ask } from "../../cli/src/demo/answer.ts";
import { createProgram } from "../../cli/src/program.ts";
import { defaultModelPath } from "#kit/paths.ts";
import { runCommand } from "../support/cli.ts";
import { startAtTerminal } from "../support/terminal.ts";

setDefaultTimeout(120_000);
/** In bold: an answer may say "you", too. */
const PROMPT = "\u001b[1myou   ";
/** A line editor takes what follows Escape at once for a sequence with it; far longer than it waits for one. */
const AFTER_ESCAPE_MS = 1_000;
const store = mkdtempSync(join(tmpdir(), "trimtab-terminal-"));
let stack: Stack;
let address: string;
beforeAll(async () => {
  process.env.TRIMTAB_STORE = store;
  const listen = { host: "127.0.0.1", grpcPort: 0, httpPort: 0 };
  stack = await startStack({ modelPath: defaultModelPath(), threads: 1, ...listen });
  address = `127.0.0.1:${stack.grpcPort}`;
  await stack.client.extractVector({ name: "cheerful", positive: ["What a joy!"], negative: ["How sad."] });
});
afterAll(async () => {
  await stack.close();
  rmSync(store, { recursive: true });
});

test("chat: keys change the strength of the running answer, Escape stops it, the next one begins with that strength", async () => {
  // Greedily: what is drawn may be over before a key is pressed.
  const greedy = ["--temperature", "0", "--max-tokens", "1500"];
  const steer = ["--direction", "cheerful", "--dose", "0.03", ...greedy];
  const terminal = startAtTerminal(["chat", "--address", address, ...steer], { columns: 100, rows: 20 });
  await terminal.seen(PROMPT);
  terminal.type("Tell me a very long story.\r");
  await terminal.seen("gate");
  await terminal.seen("dose 0.03");
  terminal.type("+");
  await terminal.seen("dose 0.04");
  // A key that means nothing, and one that is held down: what is sent for both begins with Escape.
  terminal.type("\u001b[C\u001b[A\u001b[A");
  await terminal.seen("dose 0.06");
  terminal.type("0");
  await terminal.seen("dose 0.00");
  terminal.type("\u001b");
  await terminal.seen(PROMPT);
  await Bun.sleep(AFTER_ESCAPE_MS);
  terminal.type("Again?\r");
  await terminal.seen("dose 0.00");
  terminal.type("\u001b");
  await terminal.seen(PROMPT);
  await Bun.sleep(AFTER_ESCAPE_MS);
  terminal.type("/quit\r");
  expect(await terminal.ended()).toBe(0);
});

test("a message that cannot be answered does not end a conversation at a terminal", async () => {
  const size = { columns: 100, rows: 20 };
  const terminal = startAtTerminal(["chat", "--address", address, "--max-tokens", "8192"], size);
  await terminal.seen(PROMPT);
  terminal.type("Hello\r");
  await terminal.seen("[CONTEXT_OVERFLOW]");
  await terminal.seen(PROMPT);
  terminal.type("/quit\r");
  expect(await terminal.ended()).toBe(0);
});

test("without a terminal chat is text alone, and JSON says gate, strength and cost", async () => {
  const once = [
    "chat",
    "--address",
    address,
    "--once",
    "Say hello.",
    "--temperature",
    "0",
    "--max-tokens",
    "4",
  ];
  const { code, stdout } = await runCommand(once);
  expect([code, stdout.includes("\u001b"), stdout.trim() !== ""]).toEqual([0, false, true]);
  const json = await runCommand([...once, "--json", "--direction", "cheerful", "--dose", "0.02"]);
  expect(JSON.parse(json.stdout)).toMatchObject({
    ...{ gate: 1, stopped: false, strength: { kind: "dose", value: 0.02 } },
    facts: { finished: { generatedTokens: 4 } },
  });
  const nothing = await runCommand([...once, "--dose", "0.1"]);
  expect([nothing.code, nothing.stderr]).toEqual([64, expect.stringContaining("needs a recipe")]);
});

test("top draws a screen that fits a narrow window, gives the old one back on q, and takes no colour with NO_COLOR", async () => {
  const size = { columns: 34, rows: 8 };
  const terminal = startAtTerminal(["top", "--address", address], size, { NO_COLOR: "1" });
  await terminal.seen("0 running");
  terminal.type("q");
  expect(await terminal.ended()).toBe(0);
  expect(terminal.text()).toContain("\u001b[?1049l");
  const lines = terminal.text().split(/\r\n|\u001b\[[0-9;?]*[A-Za-z]/);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(size.columns);
  expect(terminal.text()).not.toMatch(/\u001b\[[0-9;]*m/);
});

test("top without a terminal is a line a sample; with --json a value a sample, with rates from the second on", async () => {
  const twice = ["top", "--address", address, "--interval", "1", "--count", "2"];
  const plain = await runCommand(twice);
  expect(plain.stdout.trim().split("\n")).toHaveLength(2);
  expect(plain.stdout).toMatch(/: 0 running, 0 waiting, .*KV \d+\/\d+/);
  // One answer may be over before the command has begun to look.
  let isOver = false;
  const busy = (async () => {
    const spec = { prompt: { case: "text" as const, value: "One" }, maxTokens: 200 };
    while (!isOver) await stack.client.complete({ spec });
  })();
  const lines = (await runCommand([...twice, "--json"])).stdout.trim().split("\n");
  const [first, second] = lines.map((line) => JSON.parse(line).models[0]);
  isOver = true;
  await busy;
  expect(first.generatedTokensPerSecond).toBe(0);
  expect(second.stepsPerSecond).toBeGreaterThan(0);
});

test("the demo asks without a recipe while there is none, and gets one answer", async () => {
  const pieces: string[] = [];
  const { texts, finished } = await ask(stack.client, { prompt: "Say hello.", maxTokens: 4 }, (_, text) =>
    pieces.push(text),
  );
  expect([texts.length, finished.length, texts[0]]).toEqual([1, 1, pieces.join("")]);
  expect(texts[0]?.trim()).not.toBe("");
});

test("every command can print JSON", () => {
  const leaves = (command: ReturnType<typeof createProgram>, path: string): string[] =>
    command.commands.length > 0
      ? command.commands.flatMap((one) => leaves(one, `${path} ${one.name()}`))
      : command.options.some(({ long }) => long === "--json")
        ? []
        : [path];
  expect(leaves(createProgram(), "trimtab")).toEqual([]);
});
