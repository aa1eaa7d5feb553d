/** Quality beside baselines. One command a subject: `npm run eval -- scaling [--quick] [--json FILE]`, `-- steering`, `-- tasks`. */
import { Command } from "commander";
import { runProgram } from "#kit/failure.ts";
import { addPolicyFit } from "./src/policy/command.ts";
import { addTaskPrinter } from "./src/print-tasks.ts";
import { addProposalEval } from "./src/proposal/command.ts";
import { addResultsPage } from "./src/results/command.ts";
import { addScalingEval } from "./src/scaling.ts";
import { addCoherence } from "./src/steering/coherence.ts";
import { addSteeringEval } from "./src/steering/command.ts";
import { addCurvature } from "./src/steering/curvature.ts";
import { addVectorsEval } from "./src/steering/extracted.ts";
import { addSecondStage } from "./src/steering/second-stage.ts";
import { addSweepPlot } from "./src/sweep-plot.ts";

const program = new Command("eval").description("quality of Trimtab beside baselines");
addTaskPrinter(program);
addScalingEval(program);
addSteeringEval(program);
addCoherence(program);
addCurvature(program);
addSecondStage(program);
addVectorsEval(program);
addPolicyFit(program);
addSweepPlot(program);
addProposalEval(program);
addResultsPage(program);
await runProgram("eval", () => program.parseAsync());
