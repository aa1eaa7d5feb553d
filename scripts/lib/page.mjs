// Bundles the playground (page/) into build/page with Bun's own bundler. Skips when nothing it is made of has changed.

import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SetupFailure } from "./failure.mjs";
import { withLock } from "./lock.mjs";
import { capture } from "./processes.mjs";
import { inProject } from "./project.mjs";
import { say, startStep } from "./terminal.mjs";

const DIGEST_FILE = "sources.sha256";
/** Where the gateway serves what the bundler makes. */
const PUBLIC_PATH = "/page/";

/**
 * Builds build/page.
 * @throws SetupFailure PAGE_FAILED when the bundler reports errors.
 */
export async function ensurePage(bun) {
  await withLock(
    inProject("build", "page.lock"),
    () => build(bun),
    () => say("waiting for another process that builds the page"),
  );
}

async function build(bun) {
  const output = inProject("build", "page");
  const digest = digestSources();
  const known = join(output, DIGEST_FILE);
  if (existsSync(known) && readFileSync(known, "utf8") === digest) return;
  const step = startStep("bundling the page");
  const fresh = inProject("build", "page.new");
  rmSync(fresh, { recursive: true, force: true });
  const flags = ["--outdir", fresh, "--minify", "--public-path", PUBLIC_PATH];
  const result = await capture(bun, ["build", inProject("page", "index.html"), ...flags], {
    cwd: inProject(),
  });
  if (result.code !== 0) {
    step.fail();
    say(result.output.trimEnd());
    throw new SetupFailure("PAGE_FAILED", `bun build ended with code ${result.code}`);
  }
  writeFileSync(join(fresh, DIGEST_FILE), digest);
  rmSync(output, { recursive: true, force: true });
  renameSync(fresh, output);
  step.end("page bundled");
}

function digestSources() {
  const hash = createHash("sha256");
  for (const folder of ["page", join("proto", "gen")]) {
    const names = readdirSync(inProject(folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
    for (const name of names.sort()) hash.update(name).update("\0").update(readFileSync(name));
  }
  hash.update(readFileSync(inProject("package-lock.json")));
  hash.update(readFileSync(inProject("scripts", "lib", "page.mjs")));
  return hash.digest("hex");
}
