// A folder under build/ that is made of sources: made anew when any of them changed, by one process at a time, and never seen half
// made. Cost when nothing changed: reading the sources, some milliseconds.

import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SetupFailure } from "./failure.mjs";
import { withLock } from "./lock.mjs";
import { inProject } from "./project.mjs";
import { say, startStep } from "./terminal.mjs";

const DIGEST_FILE = "sources.sha256";

/**
 * Makes build/<name> from `sources` (files and folders of the project) unless it is current. `make` gets the folder to fill and
 * answers with what it ran: `{ code, output }`.
 * @throws SetupFailure `reason` when that ends with another code than 0.
 */
export async function ensureFolder({ name, sources, doing, done, reason, make }) {
  await withLock(
    inProject("build", `${name}.lock`),
    () => build({ name, sources, doing, done, reason, make }),
    () => say(`waiting for another process: ${doing}`),
  );
}

async function build({ name, sources, doing, done, reason, make }) {
  const output = inProject("build", name);
  const digest = digestOf(sources);
  const known = join(output, DIGEST_FILE);
  if (existsSync(known) && readFileSync(known, "utf8") === digest) return;
  const step = startStep(doing);
  const fresh = inProject("build", `${name}.new`);
  rmSync(fresh, { recursive: true, force: true });
  const result = await make(fresh);
  if (result.code !== 0) {
    step.fail();
    say(result.output.trimEnd());
    throw new SetupFailure(reason, `${doing} ended with code ${result.code}`);
  }
  writeFileSync(join(fresh, DIGEST_FILE), digest);
  rmSync(output, { recursive: true, force: true });
  renameSync(fresh, output);
  step.end(done);
}

function digestOf(sources) {
  const hash = createHash("sha256");
  for (const source of sources) {
    const path = inProject(source);
    const names = statSync(path).isDirectory()
      ? readdirSync(path, { recursive: true, withFileTypes: true })
          .filter((entry) => entry.isFile())
          .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
      : [path];
    for (const name of names.sort()) hash.update(name).update("\0").update(readFileSync(name));
  }
  return hash.digest("hex");
}
