/** Commands of README and docs that take minutes, as they are written there; in `npm run test:full`. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

const isFull = process.env["TRIMTAB_TEST_FULL"] === "1";
const MINUTE_MS = 60_000;
setDefaultTimeout(20 * MINUTE_MS);
const ROOT = join(import.meta.dir, "..", "..");
const tools = mkdtempSync(join(tmpdir(), "trimtab-long-tools-"));
/** Recipes of one's own: whatever is a folder here is one. */
const folder = mkdtempSync(join(tmpdir(), "trimtab-long-"));
afterAll(() => {
  for (const one of [tools, folder]) rmSync(one, { recursive: true });
});

/** Runs a script of a shell in a folder of its own, where `trimtab` is this checkout's. */
async function run(script: string): Promise<{ code: number; output: string }> {
  const bin = join(tools, "bin");
  mkdirSync(bin, { recursive: true });
  const main = join(ROOT, "cli", "main.ts");
  writeFileSync(join(bin, "trimtab"), `#!/bin/sh\nexec "${process.execPath}" "${main}" "$@"\n`);
  chmodSync(join(bin, "trimtab"), 0o755);
  const child = Bun.spawn(["sh", "-ec", script], {
    ...{ cwd: folder, stdin: "ignore", stdout: "pipe", stderr: "inherit" },
    env: {
      ...process.env,
      PATH: `${bin}${delimiter}${process.env["PATH"] ?? ""}`,
      TRIMTAB_STORE: join(tools, "store"),
    },
  });
  const [output, code] = await Promise.all([new Response(child.stdout).text(), child.exited]);
  return { code, output };
}

test.skipIf(!isFull)("the demo shows steered answers and their evidence", async () => {
  const { code, output } = await run(`cd "${ROOT}" && npm run demo`);
  expect([code, /refusal/.test(output)]).toEqual([0, true]);
});

test.skipIf(!isFull)(
  "the page's own recipe is built, talks, and is evaluated on prompts of one's own",
  async () => {
    const page = readFileSync(join(ROOT, "docs", "recipes.md"), "utf8");
    const [pirate = "", plain = ""] = [...page.matchAll(/```json\n(.*?)```/gs)].map(([, text]) => text ?? "");
    const toml = /```toml\n(.*?)```/s.exec(page)?.[1] ?? "";
    const commands = /```sh\n(export TRIMTAB_RECIPES[\s\S]*?)```/.exec(page)?.[1] ?? "";
    mkdirSync(join(folder, "pirate"));
    for (const [name, text] of [
      ["recipe.toml", toml],
      ["pirate.jsonl", pirate],
      ["plain.jsonl", plain],
    ] as const)
      writeFileSync(join(folder, "pirate", name), text);
    writeFileSync(join(folder, "mine.jsonl"), '{"text": "How do I cook rice?"}\n');
    const { code, output } = await run(commands);
    expect([code, output.includes("pirate")]).toEqual([0, true]);
  },
);
