/**
 * Every command that README and docs tell people to type is executed: those that are quick here, against a real server on the
 * default model; the long ones by the test that is named for them.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startStack, type Stack } from "../../cli/src/compose.ts";
import { defaultModelPath } from "#kit/paths.ts";
import { putTestDirection, TEST_DIRECTION } from "../support/direction.ts";

setDefaultTimeout(120_000);
const ROOT = join(import.meta.dir, "..", "..");
const PAGES = [
  "README.md",
  "examples/README.md",
  ...readdirSync(join(ROOT, "docs")).map((name) => `docs/${name}`),
];
/** Long commands, and the test that executes what they run. */
const ELSEWHERE: readonly (readonly [RegExp, string])[] = [
  [/^npm run demo\b/, "test/cli/documented-long-commands.test.ts"],
  [/^npm test\b/, "test/scripts/commands.test.ts"],
  [/^npm run start\b/, "test/process/serve-options.test.ts"],
  [/^trimtab serve --service \w+ /, "test/process/process-mode.test.ts"],
  [/^export TRIMTAB_RECIPES=/, "test/cli/documented-long-commands.test.ts"],
  [/^trimtab (recipe (build|eval)|chat --recipe) pirate\b/, "test/cli/documented-long-commands.test.ts"],
];

interface Documented {
  readonly place: string;
  readonly command: string;
}

/** Commands of the shell blocks of a page; one goes on while a line ends in a backslash or a quote is open. */
function commandsOf(path: string): Documented[] {
  const text = readFileSync(join(ROOT, path), "utf8");
  return [...text.matchAll(/^```sh\n([\s\S]*?)^```/gm)].flatMap(([, block = ""]) => {
    const commands: string[] = [];
    let open = "";
    for (const line of block.trimEnd().split("\n")) {
      open += open === "" ? line : `\n${line}`;
      const isOpen = open.endsWith("\\") || (open.match(/'/g)?.length ?? 0) % 2 === 1;
      if (isOpen) continue;
      commands.push(open.replace(/\s{2,}# .*$/, "").trim());
      open = "";
    }
    return [...commands, open].filter(Boolean).map((command) => ({ place: path, command }));
  });
}

const all = PAGES.filter((path) => path.endsWith(".md")).flatMap(commandsOf);
const isElsewhere = ({ command }: Documented) => ELSEWHERE.some(([pattern]) => pattern.test(command));
const here = all.filter((one) => !isElsewhere(one));

const store = mkdtempSync(join(tmpdir(), "trimtab-docs-"));
let stack: Stack;
beforeAll(async () => {
  process.env.TRIMTAB_STORE = store;
  const listen = { host: "127.0.0.1", grpcPort: 0, httpPort: 0 };
  stack = await startStack({ modelPath: defaultModelPath(), threads: 2, ...listen });
  await putTestDirection(stack.client);
});
afterAll(async () => {
  await stack.close();
  rmSync(store, { recursive: true });
});

/** The command for this server: its ports, this checkout's command line, and a stored direction for a recipe that takes minutes. */
function adapted(command: string): string {
  const main = join(ROOT, "cli", "main.ts");
  return command
    .replaceAll(/(127\.0\.0\.1|localhost):8080/g, `127.0.0.1:${stack.httpPort}`)
    .replaceAll("127.0.0.1:50051", `127.0.0.1:${stack.grpcPort}`)
    .replaceAll('"recipe": "refusal"', `"direction": "${TEST_DIRECTION}", "scale": 1`)
    .replace(/^npx trimtab top/, `npx trimtab top --address 127.0.0.1:${stack.grpcPort}`)
    .replace(/^(npx )?trimtab\b/, `"${process.execPath}" "${main}"`)
    .replace(/^npx buf\b/, `node "${join(ROOT, "node_modules", "@bufbuild", "buf", "bin", "buf")}"`);
}

test("what is executed elsewhere is named with a test that exists, and nothing is named in vain", () => {
  expect(ELSEWHERE.filter(([, file]) => !existsSync(join(ROOT, file)))).toEqual([]);
  const idle = ELSEWHERE.filter(([pattern]) => !all.some(({ command }) => pattern.test(command)));
  expect(idle.map(([pattern]) => String(pattern))).toEqual([]);
  expect(here.length).toBeGreaterThan(8);
});

test.each(here.map((one) => [one.place, one.command.split("\n")[0] ?? "", one] as const))(
  "%s: %s",
  async (_place, _first, { command }) => {
    const child = Bun.spawn(["sh", "-c", adapted(command)], { cwd: ROOT, stdout: "pipe", stderr: "pipe" });
    const [out, err, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    expect({ code, err: code === 0 ? "" : err, isEmpty: out.trim() === "" }).toEqual({
      ...{ code: 0, err: "", isEmpty: false },
    });
    if (!command.startsWith("curl")) return;
    // Refusals are answers with a status of their own, which curl does not mind.
    const answer = JSON.parse(out) as { error?: unknown; code?: unknown };
    expect([answer.error, answer.code]).toEqual([undefined, undefined]);
  },
);
