// One door for every command: `node scripts/run.mjs <command> [-- arguments]` makes ready what the command needs (packages, Bun,
// kernels, model), each only if it is not there yet, and runs it. package.json's scripts all come through here.

import "./lib/node-version.mjs";
import { existsSync } from "node:fs";
import { findBun } from "./lib/bun.mjs";
import { runMain, SetupFailure } from "./lib/failure.mjs";
import { ensureKernels } from "./lib/kernels.mjs";
import { ensurePage } from "./lib/page.mjs";
import { ensureSite } from "./lib/site.mjs";
import { ensurePackages } from "./lib/packages.mjs";
import { replaceWith } from "./lib/processes.mjs";
import { inProject } from "./lib/project.mjs";
import { say } from "./lib/terminal.mjs";
import { ensureModel } from "./model.mjs";

/** What each command needs, and what it runs: a program for Bun with leading arguments, or a function of the scripts. */
const COMMANDS = {
  demo: { kernels: true, page: true, model: true, entry: ["cli/main.ts", "demo"] },
  start: {
    kernels: true,
    page: true,
    site: true,
    model: true,
    entry: ["cli/main.ts", "serve", "--recipe", "refusal"],
  },
  eval: { kernels: true, model: true, entry: ["eval/main.ts"] },
  bench: { kernels: true, page: true, model: true, entry: ["bench/main.ts"] },
  peers: { kernels: false, model: false, run: (bun, args) => getPeers(args) },
  test: { kernels: false, model: true, run: (bun, args) => runTests(bun, { isFull: false, args }) },
  "test:full": { kernels: false, model: true, run: (bun, args) => runTests(bun, { isFull: true, args }) },
  "test:browser": { kernels: false, site: true, model: true, run: testPage },
  "test:clients": { kernels: false, model: true, run: testClients },
  check: { kernels: false, model: false, run: (bun) => runTests(bun, { isGatesOnly: true, args: [] }) },
  generate: { kernels: false, model: false, run: generateCode },
  kernels: { kernels: true, model: false },
  sbom: { kernels: false, model: false, run: () => supplyChain("writeSbom") },
  audit: { kernels: false, model: false, run: () => supplyChain("auditPackages") },
  client: { kernels: false, model: false, run: makeClientPackage },
  executable: { kernels: true, page: true, site: true, model: false, run: makeExecutable },
  package: { kernels: true, page: true, site: true, model: false, run: writeDescriptors },
};

async function runTests(bun, options) {
  const { testProject } = await import("./test.mjs");
  return testProject(bun, options);
}

async function testPage(bun, args) {
  say(`screenshots go to ${inProject("build", "screenshots")}`);
  return testInChromium(bun, "browser", args);
}

async function testClients(bun, args) {
  return testInChromium(bun, "clients", args);
}

async function testInChromium(bun, only, args) {
  const { ensureChromium, findChromium } = await import("./peers/chromium.mjs");
  await ensureChromium();
  process.env.TRIMTAB_CHROMIUM = findChromium().path;
  const { testProject } = await import("./test.mjs");
  return testProject(bun, { only, args });
}

async function supplyChain(name) {
  const chain = await import("./lib/supply-chain.mjs");
  return chain[name]();
}

async function generateCode() {
  const { generate } = await import("./lib/generate.mjs");
  return generate(inProject());
}

async function writeDescriptors() {
  const { writeDescriptorSet } = await import("./lib/generate.mjs");
  return writeDescriptorSet();
}

async function makeClientPackage(bun) {
  const { packClient } = await import("./lib/client-package.mjs");
  process.stdout.write(`${await packClient(bun)}\n`);
}

async function makeExecutable(bun) {
  await writeDescriptors();
  const { buildExecutable } = await import("./lib/executable.mjs");
  process.stdout.write(`${await buildExecutable(bun)}\n`);
}

async function getPeers(args) {
  return replaceWith(process.execPath, [inProject("scripts", "peers.mjs"), ...args]);
}

async function runEntry(bun, [program, ...leading], args) {
  if (!existsSync(inProject(program))) throw new SetupFailure("ENTRY_MISSING", `${program} does not exist`);
  return replaceWith(bun, ["--no-orphans", inProject(program), ...leading, ...args], { cwd: inProject() });
}

await runMain(async () => {
  const [name, ...rest] = process.argv.slice(2);
  const command = Object.hasOwn(COMMANDS, name ?? "") ? COMMANDS[name] : undefined;
  if (!command) {
    say(`usage: node scripts/run.mjs <${Object.keys(COMMANDS).join(" | ")}> [-- arguments]`);
    return 2;
  }
  const args = rest[0] === "--" ? rest.slice(1) : rest;
  await ensurePackages();
  const bun = await findBun();
  if (command.kernels) await ensureKernels();
  if (command.page) await ensurePage(bun);
  if (command.site) await ensureSite(bun);
  if (command.model) await ensureModel();
  if (command.run) return command.run(bun, args);
  return command.entry ? runEntry(bun, command.entry, args) : 0;
});
