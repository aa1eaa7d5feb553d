// Makes the npm package @trimtab/client from client/ and the generated code: bundled JavaScript, declarations, and a package.json
// whose version and dependencies are the project's own. Cost: ~6 s, most of it declarations.

import { copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SetupFailure } from "./failure.mjs";
import { capture } from "./processes.mjs";
import { inProject, readPackage } from "./project.mjs";

/** Packages that the bundle leaves to npm. */
const DEPENDENCIES = [
  "@bufbuild/protobuf",
  "@connectrpc/connect",
  "@connectrpc/connect-node",
  "@connectrpc/connect-web",
];
const ENTRIES = ["node.ts", "web.ts"];

/**
 * Writes build/client and packs it.
 * @param bun path of the pinned Bun.
 * @returns the path of the .tgz file, in build/.
 * @throws SetupFailure CLIENT_FAILED.
 */
export async function packClient(bun) {
  const folder = inProject("build", "client");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const entries = ENTRIES.map((name) => inProject("client", "src", name));
  const flags = ["--splitting", "--format=esm", "--packages=external", `--outdir=${join(folder, "dist")}`];
  await step(bun, ["build", ...entries, ...flags]);
  await step(process.execPath, [
    inProject("node_modules", "typescript", "bin", "tsc"),
    "-p",
    inProject("client"),
  ]);
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest(), undefined, 2)}\n`);
  copyFileSync(inProject("client", "README.md"), join(folder, "README.md"));
  copyFileSync(inProject("LICENSE"), join(folder, "LICENSE"));
  const isWindows = process.platform === "win32";
  const npm = isWindows ? "npm.cmd" : "npm";
  const packed = await step(
    npm,
    ["pack", "--silent", "--pack-destination", inProject("build")],
    folder,
    isWindows,
  );
  return inProject("build", packed.trim().split("\n").at(-1));
}

function manifest() {
  const { version, license, engines, dependencies, devDependencies } = readPackage();
  const known = { ...devDependencies, ...dependencies };
  return {
    ...{ name: "@trimtab/client", version, license, engines, type: "module" },
    description: "Client of Trimtab: steered and verified language models, with typed events and errors.",
    sideEffects: false,
    exports: {
      ".": {
        types: "./types/client/src/node.d.ts",
        browser: "./dist/web.js",
        default: "./dist/node.js",
      },
    },
    files: ["dist", "types"],
    dependencies: Object.fromEntries(DEPENDENCIES.map((name) => [name, `^${known[name]}`])),
  };
}

async function step(program, args, cwd = inProject(), shell = false) {
  const { code, stdout, output } = await capture(program, args, { cwd, shell });
  if (code === 0) return stdout;
  throw new SetupFailure("CLIENT_FAILED", `${program} ended with code ${code}`, output.trim());
}
