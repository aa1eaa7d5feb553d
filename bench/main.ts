/**
 * Speed beside peers: `npm run bench -- engine [--quick] [--json FILE]` measures, `… search` searches, `… load` offers more than
 * can be carried, `… gateway` times it without model work, `… tenants` asks what times tell, `… page` opens the playground,
 * `… controller` times what a gate adds to the first token, `… report` makes the page about it.
 */
import { Command } from "commander";
import { runProgram } from "#kit/failure.ts";
import { addControllerBench } from "./src/controller.ts";
import { addEngineBench } from "./src/engine.ts";
import { addGatewayBench } from "./src/gateway/command.ts";
import { addLoadBench } from "./src/load/command.ts";
import { addReport } from "./src/page/command.ts";
import { addPageBench } from "./src/playground/command.ts";
import { addSearchBench } from "./src/search/command.ts";
import { addTenantBench } from "./src/tenants/command.ts";

const program = new Command("bench").description("speed of Trimtab beside its peers, interleaved in one run");
addEngineBench(program);
addSearchBench(program);
addLoadBench(program);
addGatewayBench(program);
addTenantBench(program);
addPageBench(program);
addControllerBench(program);
addReport(program);
await runProgram("bench", () => program.parseAsync());
