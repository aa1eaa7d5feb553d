/** Speed beside peers. One command a subject: `npm run bench -- engine [--quick] [--json FILE]`. */
import { Command } from "commander";
import { addEngineBench } from "./src/engine.ts";

const program = new Command("bench").description("speed of Trimtab beside its peers, interleaved in one run");
addEngineBench(program);
await program.parseAsync();
