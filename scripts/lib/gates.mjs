// The checks that need no running program: each is one test in the count.

import { existsSync, readdirSync } from "node:fs";
import { describeBreaking } from "./breaking.mjs";
import { findStaleCode, bufCommand } from "./generate.mjs";
import { ensureKernels } from "./kernels.mjs";
import { ensurePage } from "./page.mjs";
import { ensureSite } from "./site.mjs";
import { capture } from "./processes.mjs";
import { inProject } from "./project.mjs";
import { describeLicences } from "./supply-chain.mjs";

/**
 * The gates in the order they run. Each `run` returns an empty text when all is well, else what is wrong.
 * @param bun path of the pinned Bun.
 */
export const listGates = (bun) => [
  { name: "schema lint (buf lint)", run: () => command(...bufCommand("lint")) },
  {
    name: "schema format (buf format)",
    run: () => command(...bufCommand("format", "--diff", "--exit-code")),
  },
  { name: "schema keeps its promises since the last release (buf breaking)", run: () => describeBreaking() },
  { name: "generated code is current (npm run generate)", run: describeStaleCode },
  { name: "kernels compile (asc)", run: buildKernels },
  { name: "page bundles (bun build)", run: () => buildPage(bun) },
  { name: "documentation builds (Eleventy)", run: () => buildSite(bun) },
  { name: "types (bun check)", run: () => command(bun, ["check", "--no-script", "--no-pretty"]) },
  {
    name: "types of the page (bun check)",
    run: () => command(bun, ["check", "--no-script", "--no-pretty", "--project", "page"]),
  },
  { name: "format (bun fmt)", run: () => command(bun, ["fmt", "--check", "--no-script"]) },
  { name: "scripts parse (node --check)", run: checkScripts },
  { name: "licences of what ships (npm sbom)", run: describeLicences },
];

async function command(program, args) {
  const { code, output } = await capture(program, args, { cwd: inProject() });
  return code === 0 ? "" : output.trim() || `ended with code ${code}`;
}

async function buildPage(bun) {
  await ensurePage(bun);
  return existsSync(inProject("build", "page", "index.html"))
    ? ""
    : "no build/page/index.html after the build";
}

async function buildSite(bun) {
  await ensureSite(bun);
  return existsSync(inProject("build", "docs", "search.js")) ? "" : "no build/docs/search.js after the build";
}

async function describeStaleCode() {
  const stale = await findStaleCode();
  return stale.map((name) => `proto/gen/${name} differs from what the schema gives`).join("\n");
}

async function buildKernels() {
  await ensureKernels();
  const folder = inProject("build", "kernels");
  const hasModule = existsSync(folder) && readdirSync(folder).some((name) => name.endsWith(".wasm"));
  return hasModule ? "" : "no build/kernels/*.wasm after the build";
}

async function checkScripts() {
  const folders = ["scripts", "scripts/lib", "scripts/peers"];
  const problems = [];
  for (const folder of folders) {
    for (const name of readdirSync(inProject(folder)).filter((entry) => entry.endsWith(".mjs"))) {
      problems.push(await command(process.execPath, ["--check", inProject(folder, name)]));
    }
  }
  return problems.filter(Boolean).join("\n");
}
