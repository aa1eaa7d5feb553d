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
import { ensureModel } from "./model.mjs";

/** Subcommands that load the default model unless told of another one or of a server that has one. */
const MODEL_COMMANDS = new Set(["chat", "generate", "serve", "demo"]);
const WITHOUT_MODEL = /^(--help|-h|--model|--address|--url|--gateway|--forward)(=|$)/;

await runMain(async () => {
  const args = process.argv.slice(2);
  const bun = await findBun();
  const isCheckout = existsSync(inProject(".git"));
  if (isCheckout || !existsSync(inProject("build", "kernels"))) await ensureKernels();
  const needsModel =
    MODEL_COMMANDS.has(args[0] ?? "") && !args.some((argument) => WITHOUT_MODEL.test(argument));
  if (needsModel) await ensureModel();
  return replaceWith(bun, ["--no-orphans", inProject("cli", "main.ts"), ...args]);
});
