// What ships besides our own code: its list (SBOM, CycloneDX) and licences, and what is known against it. Both come from npm, which
// reads the lockfile; nothing is installed for it.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { capture } from "./processes.mjs";
import { inProject } from "./project.mjs";
import { say } from "./terminal.mjs";

/** Licences that what ships may have: permissive ones, which ask for a notice at most. */
const LICENCES = new Set([
  "MIT",
  "Apache-2.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "ISC",
  "0BSD",
  "BlueOak-1.0.0",
  "CC0-1.0",
]);
const NPM = process.platform === "win32" ? "npm.cmd" : "npm";
const SBOM = ["sbom", "--sbom-format=cyclonedx", "--omit=dev", "--package-lock-only"];
const AUDIT = ["audit", "--omit=dev", "--json"];

/**
 * Components that ship, with their licences.
 * @returns `{ document, components: [{ name, version, licences }] }`, sorted by name.
 */
export async function readSbom() {
  const { output } = await capture(NPM, SBOM, { cwd: inProject(), shell: process.platform === "win32" });
  const document = JSON.parse(output.slice(output.indexOf("{")));
  // npm names the project after its folder.
  document.metadata.component.name = JSON.parse(readFileSync(inProject("package.json"), "utf8")).name;
  const components = document.components
    .map(({ name, version, licenses = [] }) => ({ name, version, licences: licenses.map(nameOfLicence) }))
    .sort((a, b) => a.name.localeCompare(b.name));
  return { document, components };
}

const nameOfLicence = ({ license = {}, expression }) => expression ?? license.id ?? license.name ?? "unknown";

/** What is wrong with the licences of what ships; empty when all is well. */
export async function describeLicences() {
  const { components } = await readSbom();
  const isAllowed = ({ licences }) => licences.length > 0 && licences.every((one) => LICENCES.has(one));
  return components
    .filter((component) => !isAllowed(component))
    .map(({ name, version, licences }) => `${name} ${version}: ${licences.join(", ") || "no licence"}`)
    .join("\n");
}

/** `npm run sbom`: build/sbom.cdx.json, and the licences on standard output. */
export async function writeSbom() {
  const { document, components } = await readSbom();
  mkdirSync(inProject("build"), { recursive: true });
  writeFileSync(inProject("build", "sbom.cdx.json"), `${JSON.stringify(document, undefined, 2)}\n`);
  for (const { name, version, licences } of components)
    say(`${licences.join(", ").padEnd(14)} ${name} ${version}`);
  say(`${components.length} packages, build/sbom.cdx.json`);
  return 0;
}

/** `npm run audit`: known advisories against what ships. Fails for high and critical ones; a service that does not answer is said. */
export async function auditPackages() {
  const { output } = await capture(NPM, AUDIT, { cwd: inProject(), shell: process.platform === "win32" });
  let counts;
  try {
    counts = JSON.parse(output.slice(output.indexOf("{"))).metadata?.vulnerabilities;
  } catch {
    counts = undefined;
  }
  if (!counts) {
    say("dependency audit: skipped, the advisory service does not answer");
    return 0;
  }
  const { low = 0, moderate = 0, high = 0, critical = 0 } = counts;
  say(`dependency audit: ${low} low, ${moderate} moderate, ${high} high, ${critical} critical`);
  return high + critical > 0 ? 1 : 0;
}
