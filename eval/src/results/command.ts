/** `npm run eval -- page`: writes the page about what searches are worth, from its template and the kept results. */
import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import type { Command } from "commander";
import { writeFormatted } from "../report/formatted.ts";
import { KEPT, readKept } from "./kept.ts";
import { renderPage } from "./render.ts";

const TEMPLATE = join(KEPT, "scaling-results.template.md");
const PAGE = join(import.meta.dir, "..", "..", "..", "docs", "scaling-results.md");

/** Adds the command. */
export function addResultsPage(program: Command): void {
  program
    .command("page")
    .description("writes docs/scaling-results.md from its template and the results under eval/results")
    .action(() => {
      writeFormatted(
        PAGE,
        renderPage(readFileSync(TEMPLATE, "utf8"), (name) => readKept(KEPT, name)),
      );
      process.stdout.write(`${relative(process.cwd(), PAGE)}\n`);
    });
}
