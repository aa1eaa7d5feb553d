/**
 * A copy of an example in the cache, beside a copy of the schema as in the repository, in which the commands of examples/README.md
 * are run once: stubs are generated and programs built outside the checkout, and again only when example or schema change.
 */
import { readdirSync, readFileSync, symlinkSync } from "node:fs";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { keyOf, once, ROOT } from "../../interop/support/toolchains.ts";

/** Folders of the package that generators of an example read, through the same relative paths as in the repository. */
const MODULES = "node_modules";

/**
 * Makes the workspace of `examples/<name>` and runs `build` in it, unless an equal one is there.
 * @param version of the tool chain; another one builds anew.
 * @returns the folder of the built example.
 */
export async function builtExample(
  name: string,
  version: string,
  build: (folder: string) => Promise<unknown>,
): Promise<string> {
  const example = join("examples", name);
  const contents = [...filesOf(example), ...filesOf(join("proto", "trimtab"))];
  const texts = contents.flatMap((file) => [file, readFileSync(join(ROOT, file), "utf8")]);
  const directory = await once(`${name}-${keyOf(version, ...texts)}`, async (target) => {
    symlinkSync(join(ROOT, MODULES), join(target, MODULES));
    await cp(join(ROOT, "proto", "trimtab"), join(target, "proto", "trimtab"), { recursive: true });
    await cp(join(ROOT, example), join(target, example), { recursive: true });
    await build(join(target, example));
  });
  return join(directory, example);
}

function filesOf(folder: string): string[] {
  const entries = readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length + 1))
    .sort();
}
