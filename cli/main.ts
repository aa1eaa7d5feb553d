/** The command line: runs what the arguments ask for; a failure is one line and an exit status. */
import { exitCodeOf, failureText } from "./src/failure.ts";
import { createProgram } from "./src/program.ts";

try {
  await createProgram().parseAsync();
} catch (error) {
  process.stderr.write(`trimtab: ${failureText(error)}\n`);
  process.exit(exitCodeOf(error));
}
