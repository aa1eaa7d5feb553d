/** The gate of the schema: nothing is promised before the first release; after it, what clients use cannot be taken away. */
import { afterAll, expect, test } from "bun:test";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeBreaking } from "../../scripts/lib/breaking.mjs";

const ROOT = join(import.meta.dir, "..", "..");
const SCHEMA = join("proto", "trimtab", "type", "v1", "generation.proto");
const folder = mkdtempSync(join(tmpdir(), "trimtab-breaking-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function git(...args: string[]): void {
  const identity = ["-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "tag.gpgSign=false"];
  const { success, stderr } = Bun.spawnSync(["git", ...identity, ...args], { cwd: folder });
  if (!success) throw new Error(stderr.toString());
}

async function edit(from: string, to: string): Promise<void> {
  const file = Bun.file(join(folder, SCHEMA));
  const text = await file.text();
  expect(text).toContain(from);
  await Bun.write(file, text.replace(from, to));
}

test("a field may be renumbered before the first tag, never after it; new ones are welcome", async () => {
  for (const name of ["buf.yaml", join("proto", "trimtab")]) {
    cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  }
  git("init", "--quiet");
  git("add", ".");
  git("commit", "--quiet", "--message", "schema");
  await edit("uint32 top_k = 3;", "uint32 top_k = 33;");
  expect(await describeBreaking(folder)).toBe("");
  await edit("uint32 top_k = 33;", "uint32 top_k = 3;");
  git("tag", "v0.0.1");
  await edit("uint32 top_k = 3;", "uint32 top_k = 3;\n  // New.\n  uint32 novel = 33;");
  expect(await describeBreaking(folder)).toBe("");
  await edit("uint32 top_k = 3;", "reserved 3;");
  expect(await describeBreaking(folder)).toContain("top_k");
});
