// Scripts put the default model where the services look for it.

import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dir, "..", "..");
const home = mkdtempSync(join(tmpdir(), "trimtab-cache-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

function folderFrom(module: string, name: string, environment: Record<string, string>): string {
  const code = `process.stdout.write((await import(${JSON.stringify(join(root, module))})).${name}())`;
  const { stdout } = Bun.spawnSync([process.execPath, "-e", code], { env: { HOME: home, ...environment } });
  return stdout.toString();
}

test.each<[string, Record<string, string>, string]>([
  ["the home folder by default", {}, join(home, ".cache", "trimtab")],
  ["XDG_CACHE_HOME if it is set", { XDG_CACHE_HOME: join(home, "xdg") }, join(home, "xdg", "trimtab")],
  ["TRIMTAB_CACHE before all", { TRIMTAB_CACHE: home, XDG_CACHE_HOME: join(home, "xdg") }, home],
  [
    "XDG_CACHE_HOME if TRIMTAB_CACHE is empty",
    { TRIMTAB_CACHE: "", XDG_CACHE_HOME: home },
    join(home, "trimtab"),
  ],
])("scripts and services share one cache folder: %s", (_name, environment, expected) => {
  expect(folderFrom("scripts/model.mjs", "cacheFolder", environment)).toBe(expected);
  expect(folderFrom("services/kit/src/paths.ts", "cacheDir", environment)).toBe(expected);
});
