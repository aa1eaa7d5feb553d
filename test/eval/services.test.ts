/** The services an evaluation starts, as real processes: without a model that can be served the run is over. */
import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "..", "..");
const cache = mkdtempSync(join(tmpdir(), "trimtab-eval-cache-"));
const models = join(cache, "models");
mkdirSync(models);
afterAll(() => rmSync(cache, { recursive: true, force: true }));

async function evaluate(model: string) {
  const args = ["scaling", "--model", model, "--threads", "1", "--out", join(cache, "out")];
  const env = { ...process.env, TRIMTAB_CACHE: cache };
  const run = Bun.spawn([process.execPath, join(ROOT, "eval", "main.ts"), ...args], {
    ...{ env, stdin: "ignore", stdout: "ignore", stderr: "pipe" },
  });
  const text = await new Response(run.stderr).text();
  return { status: await run.exited, starts: text.match(/^trimtab: /gm)?.length ?? 0, text };
}

test.each([
  ["that is not there", "nowhere", 66, "ARTIFACT_NOT_FOUND"],
  ["found by its name in the cache that is none", "broken", 65, "ARTIFACT_INVALID"],
])(
  "a run with a model %s ends with that error, and no service is started twice",
  async (_, name, status, reason) => {
    writeFileSync(join(models, "broken.gguf"), "GGUF and nothing more");
    const ended = await evaluate(name);
    expect(ended.status).toBe(status);
    expect(ended.text).toMatch(new RegExp(`^eval: .*\\[${reason}\\]$`, "m"));
    // Two services need the model; the run may end before the second has said so.
    expect(ended.starts).toBeLessThanOrEqual(2);
  },
  120_000,
);
