/**
 * The command line. Arguments are read here and nowhere else; every command is one file in src/commands.
 */
import { Command } from "commander";
import manifest from "../package.json" with { type: "json" };
import { addCaptureCommand } from "./src/commands/capture.ts";
import { addChatCommand } from "./src/commands/chat.ts";
import { addDemoCommand } from "./src/commands/demo.ts";
import { addDoctorCommand } from "./src/commands/doctor.ts";
import { addGenerateCommand } from "./src/commands/generate.ts";
import { addKeyCommand } from "./src/commands/key.ts";
import { addModelCommand } from "./src/commands/model.ts";
import { addRecipeCommand } from "./src/commands/recipe.ts";
import { addServeCommand } from "./src/commands/serve.ts";
import { addSteerCommand } from "./src/commands/steer.ts";
import { addVerifierCommand } from "./src/commands/verifier.ts";
import { exitCodeOf, failureText } from "./src/failure.ts";

const program = new Command("trimtab")
  .description("Activation steering and verified inference-time scaling for small open language models.")
  .version(manifest.version);

for (const add of [
  addServeCommand,
  addChatCommand,
  addGenerateCommand,
  addCaptureCommand,
  addRecipeCommand,
  addSteerCommand,
  addVerifierCommand,
  addModelCommand,
  addKeyCommand,
  addDoctorCommand,
  addDemoCommand,
]) {
  add(program);
}

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`trimtab: ${failureText(error)}\n`);
  process.exit(exitCodeOf(error));
}
