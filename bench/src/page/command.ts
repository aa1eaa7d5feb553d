/** `bench report`: the page about speed and its picture, from the JSON of a run. */
import { writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import type { Command } from "commander";
import { readReport } from "../report.ts";
import { makePage } from "./page.ts";
import { drawRatios } from "./plot.ts";

const ROOT = join(import.meta.dir, "..", "..", "..");
const DEFAULTS = {
  json: join(ROOT, "bench", "results", "avx512.json"),
  page: join(ROOT, "docs", "performance.md"),
};
const COMPARED = /^(decode|batch|prefill|served|served-branches|steering|capture-\w+|branches)$/;

/** Adds the command. */
export function addReport(program: Command): void {
  program
    .command("report")
    .description("writes the page about speed from the JSON of a run")
    .option("--json <file>", "the run", DEFAULTS.json)
    .option("--out <file>", "the page; its picture goes beside it", DEFAULTS.page)
    .action(async ({ json, out }: { json: string; out: string }) => {
      const report = await readReport(json);
      if (!report) throw new Error(`${json} does not exist: npm run bench -- engine --json ${json}`);
      const picture = out.replace(/\.md$/, ".svg");
      const rows = report.rows.filter(({ metric }) => COMPARED.test(metric));
      await writeFile(picture, drawRatios(rows, report.isa));
      await writeFile(out, makePage(report, relative(dirname(out), json), relative(dirname(out), picture)));
      Bun.spawnSync([process.execPath, "fmt", out], { env: { ...process.env, BUN_BE_BUN: "1" } });
      process.stdout.write(`${relative(process.cwd(), out)}, ${relative(process.cwd(), picture)}\n`);
    });
}
