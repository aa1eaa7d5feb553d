/** @trimtab/client as people get it: packed, installed in a clean folder, used in Node, Bun, a browser and by a type checker. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { REASONS } from "../../../client/src/reasons.ts";
import { toTrimtabError } from "../../../client/src/errors.ts";
import { REASONS as SERVER_REASONS, toConnectError, TrimtabError as ServerError } from "#kit/errors.ts";
import manifest from "../../../package.json" with { type: "json" };
import { run, runOrThrow } from "../../interop/support/run.ts";
import { ROOT } from "../../interop/support/toolchains.ts";
import { withPage } from "../support/pages.ts";
import { BUILD_MS, environment, expectedText } from "../support/tour.ts";
import { toolchain } from "../support/toolchain.ts";

const PROGRAM = "package-tour.mjs";
const CHECKED = "package-types.mts";
const node = toolchain("Node", "node", "--version")!;
const folder = mkdtempSync(join(tmpdir(), "trimtab-client-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeAll(async () => {
  const packed = await runOrThrow([node.program, join(ROOT, "scripts", "run.mjs"), "client"]);
  await Bun.write(join(folder, "package.json"), '{"private": true, "type": "module"}');
  const flags = ["--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"];
  await runOrThrow(["npm", "install", ...flags, packed.out.trim()], { cwd: folder });
  for (const name of [PROGRAM, CHECKED])
    copyFileSync(join(import.meta.dir, "..", "programs", name), join(folder, name));
}, BUILD_MS);

const expected = async (): Promise<string> =>
  [
    await expectedText(),
    "started planned delta finished completed",
    "again: true",
    "running after the loop was left: 0",
    "cancelled: CANCELLED  true",
    "late: DEADLINE_EXCEEDED  true",
    "refused: FIELD_OUT_OF_RANGE sampling.temperature true",
    "missing: ARTIFACT_NOT_FOUND reference true",
    "unknown: ARTIFACT_NOT_FOUND name true",
    "nobody: SERVICE_UNAVAILABLE  true",
    "nobody there: SERVICE_UNAVAILABLE  true",
  ].join("\n");

test.each([
  ["Node", node.program],
  ["Bun", process.execPath],
])(
  "in %s it streams, can be left and cancelled, types errors, and lets the program end",
  async (_, program) => {
    const { code, out, err } = await run([program, PROGRAM], { cwd: folder, env: environment });
    expect({ code, err, out: out.trimEnd() }).toEqual({ code: 0, err: "", out: await expected() });
  },
);

test("in Chromium, bundled, it does the same over Connect", async () => {
  await Bun.write(join(folder, "index.html"), `<script type="module" src="./${PROGRAM}"></script>`);
  const build = [process.execPath, "build", "index.html", "--outdir", "dist", "--target", "browser"];
  await runOrThrow(build, { cwd: folder });
  await withPage(join(folder, "dist"), async (page) => {
    await page.locator("pre").waitFor({ timeout: 60_000 });
    expect(await page.locator("pre").textContent()).toBe(await expected());
  });
}, 90_000);

test("its types tell events apart and refuse what the schema does not have", async () => {
  const compilerOptions = {
    ...{ strict: true, noEmit: true, types: [], skipLibCheck: false },
    ...{ target: "es2022", module: "nodenext", lib: ["es2022", "dom", "esnext"] },
  };
  await Bun.write(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: [CHECKED] }));
  await runOrThrow([process.execPath, "check", "--no-script", "--no-pretty"], { cwd: folder });
}, 120_000);

test("it has the version of the server and the server's reasons", async () => {
  const { version } = await Bun.file(join(folder, "node_modules/@trimtab/client/package.json")).json();
  expect(version).toBe(manifest.version);
  expect<string[]>([...REASONS]).toEqual(Object.keys(SERVER_REASONS));
});

test("an error of the server arrives with its limit and the time after which to try again", () => {
  const sent = new ServerError("QUEUE_FULL", "full", {
    field: "spec",
    limit: "256 requests",
    retryAfterMs: 1_500,
  });
  const { reason, message, field, limit, retryAfterMs } = toTrimtabError(toConnectError(sent));
  expect({ reason, message, field, limit, retryAfterMs }).toEqual({
    ...{ reason: "QUEUE_FULL", message: "full", field: "spec", limit: "256 requests", retryAfterMs: 1_500 },
  });
});
