#!/usr/bin/env node
// The installed command `trimtab`: finds the pinned Bun beside this package, gets the default model when the subcommand will need
// it, and becomes the command line program. Kernels come compiled in the published package; in a checkout they are built here.

import "./lib/node-version.mjs";
import { existsSync } from "node:fs";
import { findBun } from "./lib/bun.mjs";
import { runMain } from "./lib/failure.mjs";
import { ensureKernels } from "./lib/kernels.mjs";
import { replaceWith } from "./lib/processes.mjs";
import { inProject } from "./lib/project.mjs";
import { SERVING_COMMANDS } from "./lib/serving-commands.mjs";
import { ensureModel } from "./model.mjs";

const NOTHING_NEEDED = /^(--help|-h|--address)(=|$)/;
const OWN_MODEL = /^--model(=|$)/;

await runMain(async () => {
  const args = process.argv.slice(2);
  const bun = await findBun();
  const isServing =
    SERVING_COMMANDS.has(args[0] ?? "") && !args.some((argument) => NOTHING_NEEDED.test(argument));
  const isCheckout = existsSync(inProject(".git"));
  if (isServing && (isCheckout || !existsSync(inProject("build", "kernels")))) await ensureKernels();
  if (isServing && !args.some((argument) => OWN_MODEL.test(argument))) await ensureModel();
  return replaceWith(bun, ["--no-orphans", inProject("cli", "main.ts"), ...args]);
});
