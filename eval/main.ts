/** Quality beside baselines. One command a subject: `npm run eval -- scaling [--quick] [--json FILE]`, `npm run eval -- tasks`. */
import { Command } from "commander";
import { addTaskPrinter } from "./src/print-tasks.ts";
import { addScalingEval } from "./src/scaling.ts";

const program = new Command("eval").description("quality of Trimtab beside baselines");
addTaskPrinter(program);
addScalingEval(program);
await program.parseAsync();
