/** The command line as a program: every command is one file in commands/. */
import { Command } from "commander";
import { EXIT } from "#kit/failure.ts";
import manifest from "../../package.json" with { type: "json" };
import { addCaptureCommand } from "./commands/capture.ts";
import { addChatCommand } from "./commands/chat.ts";
import { addDemoCommand } from "./commands/demo.ts";
import { addDoctorCommand } from "./commands/doctor.ts";
import { addGenerateCommand } from "./commands/generate.ts";
import { addKeyCommand } from "./commands/key.ts";
import { addModelCommand } from "./commands/model.ts";
import { addRecipeCommand } from "./commands/recipe.ts";
import { addServeCommand } from "./commands/serve.ts";
import { addSteerCommand } from "./commands/steer.ts";
import { addTopCommand } from "./commands/top.ts";
import { addVerifierCommand } from "./commands/verifier.ts";

/** What adds the commands, in the order they are listed in. */
const COMMANDS = [
  addServeCommand,
  addChatCommand,
  addTopCommand,
  addGenerateCommand,
  addCaptureCommand,
  addRecipeCommand,
  addSteerCommand,
  addVerifierCommand,
  addModelCommand,
  addKeyCommand,
  addDoctorCommand,
  addDemoCommand,
];

/** Creates the program; nothing is read or run before it is told to. */
export function createProgram(): Command {
  const program = new Command("trimtab")
    .description("Activation steering and verified inference-time scaling for small open language models.")
    .version(manifest.version)
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : EXIT.usage));
  for (const add of COMMANDS) add(program);
  return program;
}
