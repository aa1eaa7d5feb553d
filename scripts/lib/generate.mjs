// Generates proto/gen from the schema, tells whether the committed copy is what the generator makes, and writes the descriptor set.

import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { SetupFailure } from "./failure.mjs";
import { capture } from "./processes.mjs";
import { inProject } from "./project.mjs";
import { say, startStep } from "./terminal.mjs";

const GENERATED = join("proto", "gen");

/** The command line of buf: npm's launcher, run by this Node so that no executable bit or shell is needed. */
export const bufCommand = (...args) => [
  process.execPath,
  [inProject("node_modules", "@bufbuild", "buf", "bin", "buf"), ...args],
];

/** Writes `<root>/proto/gen`; returns the exit code. */
export async function generate(root) {
  const step = startStep("generating code from the schema");
  const result = await runBuf(root);
  if (result.code === 0) step.end("code generated");
  else {
    step.fail();
    say(result.output.trimEnd());
  }
  return result.code;
}

/** Writes build/trimtab.binpb, the descriptor set that goes into a release; returns the exit code. */
export async function writeDescriptorSet() {
  const result = await capture(...bufCommand("build", "-o", join("build", "trimtab.binpb")), {
    cwd: inProject(),
  });
  if (result.code !== 0) throw new SetupFailure("GENERATE_FAILED", result.output.trimEnd());
  return result.code;
}

/** Generates into a temporary copy and returns the differing paths, empty when the committed code is current. */
export async function findStaleCode() {
  const root = mkdtempSync(join(tmpdir(), "trimtab-generate-"));
  try {
    for (const name of ["buf.yaml", "buf.gen.yaml", "proto"])
      cpSync(inProject(name), join(root, name), { recursive: true });
    rmSync(join(root, GENERATED), { recursive: true, force: true });
    symlinkSync(inProject("node_modules"), join(root, "node_modules"), "junction");
    const result = await runBuf(root);
    if (result.code !== 0) throw new SetupFailure("GENERATE_FAILED", result.output.trimEnd());
    return compareTrees(inProject(GENERATED), join(root, GENERATED));
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

function runBuf(root) {
  return capture(...bufCommand("generate"), { cwd: root });
}

function compareTrees(committed, fresh) {
  const names = new Set([...listFiles(committed), ...listFiles(fresh)]);
  return [...names]
    .sort()
    .filter((name) => readIfThere(join(committed, name)) !== readIfThere(join(fresh, name)));
}

function listFiles(folder) {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.filter((e) => e.isFile()).map((e) => relative(folder, join(e.parentPath ?? e.path, e.name)));
}

function readIfThere(path) {
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}
