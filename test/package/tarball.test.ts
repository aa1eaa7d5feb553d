// What `npm pack` makes is what people get: the right files, and a command that works in an empty folder.
// Cost: one installation from npm's cache, ~10 s.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dir, "..", "..");
const INSTALL_LIMIT_MS = 480_000;
const CHAT_LIMIT_MS = 240_000;
const MAX_PACKED_BYTES = 4_000_000;
/** What npm tells the scripts it runs about this project: a nested npm must not see it. */
const NPM_TOLD =
  /^(npm_(package|lifecycle|command|config_(local_prefix|global_prefix|prefix|user_agent))|INIT_CWD)/;

const folder = mkdtempSync(join(tmpdir(), "trimtab-package-"));
const empty = join(folder, "empty");
const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !NPM_TOLD.test(name)));

let packed: { filename: string; size: number; paths: string[] };

/** Runs a command; a failure shows everything it printed. */
async function run(cwd: string, ...command: string[]): Promise<{ stdout: string; code: number }> {
  const child = Bun.spawn(command, {
    cwd,
    env: environment,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code !== 0) throw new Error(`${command.join(" ")} ended with code ${code}\n${stdout}\n${stderr}`);
  return { stdout, code };
}

beforeAll(async () => {
  const { stdout } = await run(root, "npm", "pack", "--json", "--pack-destination", folder);
  // npm 11 prints an array, later ones an object keyed by package name; a lifecycle script may print before it.
  const report = JSON.parse(stdout.slice(stdout.search(/^[[{]/m)));
  const entry = Array.isArray(report) ? report[0] : Object.values(report)[0];
  const paths = entry.files.map((file: { path: string }) => file.path);
  packed = { filename: entry.filename, size: entry.size, paths };
  mkdirSync(empty);
  const flags = ["--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"];
  await run(empty, "npm", "install", ...flags, join(folder, packed.filename));
}, INSTALL_LIMIT_MS);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("the package has every room, the schema and the compiled kernels", () => {
  const needed = [
    "README.md",
    "LICENSE",
    "cli/main.ts",
    "scripts/trimtab.mjs",
    "gateway/index.ts",
    "services/kit/src/errors.ts",
    "services/tokenizer/index.ts",
    "services/forward/index.ts",
    "services/steering/index.ts",
    "services/verifier/index.ts",
    "kernels/src/index.ts",
    "proto/trimtab/gateway/v1/gateway_service.proto",
    "build/trimtab.binpb",
    "build/page/index.html",
    "build/docs/index.html",
    "build/docs/search.js",
    "proto/gen/trimtab/gateway/v1/gateway_service_pb.ts",
  ];
  expect(needed.filter((path) => !packed.paths.includes(path))).toEqual([]);
  const built = readdirSync(join(root, "build", "kernels")).filter((name) => name.endsWith(".wasm"));
  expect(built.length).toBeGreaterThan(0);
  expect(built.filter((name) => !packed.paths.includes(`build/kernels/${name}`))).toEqual([]);
});

test("the package has no tests, no model, no leftovers of a build, and is small", () => {
  const unwanted =
    /(^test\/|\.test\.ts$|\.gguf$|\.tgz$|\.whl$|\.lock\b|^build\/(?!kernels\/|page\/|docs\/|trimtab\.binpb$)|node_modules|\.log$|\.py[co]$)/;
  expect(packed.paths.filter((path) => unwanted.test(path))).toEqual([]);
  expect(packed.size).toBeLessThan(MAX_PACKED_BYTES);
});

test("installed in an empty folder the command tells its version and its subcommands", async () => {
  const { stdout: version } = await run(empty, "npx", "--no-install", "trimtab", "--version");
  const manifest = await Bun.file(join(root, "package.json")).json();
  expect(version.trim()).toBe(manifest.version);
  const { stdout: help } = await run(empty, "npx", "--no-install", "trimtab", "--help");
  for (const command of ["serve", "chat", "generate", "recipe", "steer", "model", "doctor"]) {
    expect(help).toMatch(new RegExp(`^\\s+${command}\\b`, "m"));
  }
});

test(
  "installed in an empty folder it answers a chat message, and needs nothing outside the package but the model",
  async () => {
    const options = ["--once", "Say hi.", "--max-tokens", "8", "--temperature", "0"];
    const { stdout } = await run(empty, "npx", "--no-install", "trimtab", "chat", ...options);
    expect(stdout.trim().length).toBeGreaterThan(0);
    expect(existsSync(join(empty, "build"))).toBe(false);
  },
  CHAT_LIMIT_MS,
);
