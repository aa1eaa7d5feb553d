/** The command line: runs what the arguments ask for; a failure is one line and an exit status. */
import { runProgram } from "#kit/failure.ts";
import { createProgram } from "./src/program.ts";

await runProgram("trimtab", () => createProgram().parseAsync());
