/** Model files arrive whole or not at all: from a hub that breaks off, from a path, with a digest that must match. */
import { afterAll, beforeEach, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeGguf } from "#kit/gguf-writer.ts";
import { runCommand } from "../support/cli.ts";

const model = writeGguf({ "general.architecture": "llama" }, [
  { name: "token_embd.weight", dims: [64, 4096], data: new Float32Array(64 * 4096).fill(0.5) },
]);
const sha256 = createHash("sha256").update(model).digest("hex");
const root = mkdtempSync(join(tmpdir(), "trimtab-cli-model-"));
let cache: string;

/** A server that speaks the hub's resolve protocol: HEAD with ETag and size, ranges; it can break off an answer. */
interface TestHub {
  readonly url: string;
  readonly ranges: (string | null)[];
  breakAfterBytes: number;
  etag: string;
}

const hub: TestHub = { url: "", ranges: [], breakAfterBytes: Number.POSITIVE_INFINITY, etag: sha256 };
const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch(request) {
    if (new URL(request.url).pathname !== "/owner/repo/resolve/main/tiny.gguf")
      return new Response("", { status: 404 });
    const headers = { etag: `"${hub.etag}"`, "x-linked-size": String(model.length) };
    if (request.method === "HEAD") return new Response(null, { headers });
    const range = request.headers.get("range");
    hub.ranges.push(range);
    const from = range === null ? 0 : Number(/^bytes=(\d+)-$/.exec(range)?.[1]);
    const body = model.slice(from, Math.min(model.length, from + hub.breakAfterBytes));
    return new Response(body, { status: from > 0 ? 206 : 200, headers });
  },
});
Object.assign(hub, { url: `http://127.0.0.1:${server.port}` });

beforeEach(() => {
  cache = mkdtempSync(join(root, "cache-"));
  hub.ranges.length = 0;
  hub.breakAfterBytes = Number.POSITIVE_INFINITY;
  hub.etag = sha256;
});
afterAll(() => {
  server.stop(true);
  rmSync(root, { recursive: true, force: true });
});

const pull = (...args: string[]) =>
  runCommand(["model", "pull", ...args], { TRIMTAB_CACHE: cache, HF_ENDPOINT: hub.url });
const models = (): string[] => readdirSync(join(cache, "models")).filter((name) => name.endsWith(".gguf"));

test("a file from a hub is byte-identical and told with its digest", async () => {
  const result = await pull("hf:owner/repo/tiny.gguf");
  expect(result).toMatchObject({ code: 0, stderr: "" });
  expect(result.stdout).toContain(sha256);
  expect(Buffer.compare(readFileSync(join(cache, "models", "tiny.gguf")), model)).toBe(0);
});

test("a download that broke off resumes where it ended, and leaves no file under the model's name before", async () => {
  hub.breakAfterBytes = 300_000;
  const broken = await pull("hf:owner/repo/tiny.gguf");
  expect(broken.code).toBe(69);
  expect(broken.stderr).toContain("resume");
  expect(models()).toEqual([]);
  hub.breakAfterBytes = Number.POSITIVE_INFINITY;
  expect((await pull("hf:owner/repo/tiny.gguf")).code).toBe(0);
  expect(hub.ranges).toEqual([null, "bytes=300000-"]);
  expect(Buffer.compare(readFileSync(join(cache, "models", "tiny.gguf")), model)).toBe(0);
});

test("a file that is not the one the hub described is removed", async () => {
  hub.etag = "0".repeat(64);
  const result = await pull("hf:owner/repo/tiny.gguf");
  expect(result.code).toBe(65);
  expect(result.stderr).toContain("[ARTIFACT_CORRUPT]");
  expect(models()).toEqual([]);
});

test("an unknown file, a foreign form and a wrong digest are typed errors", async () => {
  expect((await pull("hf:owner/repo/other.gguf")).stderr).toContain("[MODEL_NOT_FOUND]");
  expect(await pull("ftp://x/y.gguf")).toMatchObject({ code: 64 });
  expect((await pull("hf:owner/repo/../../x.gguf")).stderr).toContain("[INVALID_ARGUMENT]");
  const path = join(root, "own.gguf");
  writeFileSync(path, model);
  expect((await pull(`file:${path}`, "--sha256", "f".repeat(64))).stderr).toContain("[ARTIFACT_CORRUPT]");
  for (const [source, reason] of [
    [`file:${join(root, "nowhere.gguf")}`, "MODEL_NOT_FOUND"],
    [`file:${path}/inside.gguf`, "MODEL_NOT_FOUND"],
    [`file:${root}`, "INVALID_ARGUMENT"],
  ]) {
    const { code, stderr } = await pull(source ?? "");
    expect([code !== 0, stderr]).toEqual([true, expect.stringContaining(`(field source) [${reason}]`)]);
  }
  expect(models()).toEqual([]);
});

test("verify reads the header and the digest; a file that is no model is refused", async () => {
  const path = join(root, "verify.gguf");
  writeFileSync(path, model);
  const good = await runCommand(["model", "verify", path, "--sha256", sha256]);
  expect(good).toMatchObject({ code: 0 });
  expect(good.stdout).toContain("llama, 1 tensors");
  writeFileSync(path, model.slice(0, 40));
  expect((await runCommand(["model", "verify", path])).stderr).toContain("[ARTIFACT_INVALID]");
});
