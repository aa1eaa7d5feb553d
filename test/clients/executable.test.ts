/**
 * The single-file executable, alone in a folder with an empty cache: it answers, serves with everything that lies beside the program
 * elsewhere (page, kernels, worker threads, ONNX runtime, sandbox, recipes), and ends when it is told to.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { defaultModelPath } from "#kit/paths.ts";
import { connectGateway } from "../../cli/src/compose.ts";
import manifest from "../../package.json" with { type: "json" };
import { run, runOrThrow } from "../interop/support/run.ts";
import { ROOT } from "../interop/support/toolchains.ts";

const BUILD_MS = 480_000;
const folder = mkdtempSync(join(tmpdir(), "trimtab-executable-"));
const program = join(folder, "trimtab");
/** No way to a Bun, a Node or the checkout. */
const env = { HOME: folder, PATH: "/usr/bin:/bin", TRIMTAB_CACHE: join(folder, "cache") };

beforeAll(async () => {
  const made = await runOrThrow(["node", join(ROOT, "scripts", "run.mjs"), "executable"]);
  copyFileSync(made.out.trim(), program);
  mkdirSync(env.TRIMTAB_CACHE);
  symlinkSync(dirname(defaultModelPath()), join(env.TRIMTAB_CACHE, "models"));
}, BUILD_MS);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("it tells its version and chats, unpacked once", async () => {
  const version = await run([program, "--version"], { cwd: folder, env });
  expect(version).toEqual({ code: 0, out: `${manifest.version}\n`, err: "" });
  const options = ["--once", "Say hi.", "--max-tokens", "8", "--temperature", "0"];
  const chat = await run([program, "chat", ...options], { cwd: folder, env });
  expect({ code: chat.code, hasText: chat.out.trim().length > 0 }).toEqual({ code: 0, hasText: true });
  expect(readdirSync(join(env.TRIMTAB_CACHE, "executable"))).toHaveLength(1);
}, 120_000);

test("it serves the page, steers, and runs the sandbox; a signal ends it and what it started", async () => {
  const ports = ["--grpc-port", "0", "--http-port", "0"];
  const child = Bun.spawn([program, "serve", ...ports], {
    cwd: folder,
    env,
    stdout: "pipe",
    stderr: "inherit",
  });
  try {
    const [, grpc, http] = await firstMatch(child.stdout, /gRPC (\S+), HTTP (http:\S+)/);
    const page = await (await fetch(`${http}/`)).text();
    expect(page).toContain("<script");
    const client = connectGateway(grpc!);
    await client.extractVector({ name: "calm", positive: ["All is calm."], negative: ["Hurry up!"] });
    const use = { direction: "calm", dose: { dose: { case: "relative" as const, value: 0.02 } } };
    const parameters = { function: "add", tests: [{ arguments: [1, 2], expected: 3 }] };
    const { choices } = await client.complete({
      spec: {
        prompt: { case: "text", value: "function add(a, b) {" },
        maxTokens: 8,
        steering: { use },
        verifiers: [{ name: "unit_tests", parameters }],
      },
    });
    expect(choices[0]).toMatchObject({ finished: { steered: true }, verdicts: [{ failure: "" }] });
  } finally {
    child.kill("SIGTERM");
  }
  expect(await child.exited).toBe(0);
}, 120_000);

/** The first match of a pattern in what a process prints. */
async function firstMatch(stream: ReadableStream<Uint8Array>, pattern: RegExp): Promise<RegExpExecArray> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true });
    const match = pattern.exec(text);
    if (match) return match;
  }
  throw new Error(`it ended and had only printed: ${text}`);
}
