/** `bench report`: the page about speed and its picture, from the JSON of a run. */
import { writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import type { Command } from "commander";
import { readReport } from "../report.ts";
import { inOrder, makePage, type Source } from "./page.ts";
import { drawRatios } from "./plot.ts";

const ROOT = join(import.meta.dir, "..", "..", "..");
const DEFAULTS = {
  json: join(ROOT, "bench", "results", "native.json"),
  others: ["avx512", "avx2", "amx"].map((isa) => join(ROOT, "bench", "results", `${isa}.json`)),
  page: join(ROOT, "docs", "performance.md"),
};
const COMPARED = /^(decode|batch|prefill|served|served-branches|steering|capture-\w+|branches)$/;

/** Adds the command. */
export function addReport(program: Command): void {
  program
    .command("report")
    .description("writes the page about speed from the JSON of a run")
    .option("--json <file>", "the run", DEFAULTS.json)
    .option(
      "--others <files...>",
      "runs of other hosts or with --isa; those that exist are shown",
      DEFAULTS.others,
    )
    .option("--out <file>", "the page; its picture goes beside it", DEFAULTS.page)
    .action(async ({ json, others: paths, out }: { json: string; others: string[]; out: string }) => {
      const sourceOf = async (path: string): Promise<Source | undefined> => {
        const report = await readReport(path);
        return report && { report, link: relative(dirname(out), path) };
      };
      const main = await sourceOf(json);
      if (!main) throw new Error(`${json} does not exist: npm run bench -- engine --json ${json}`);
      const picture = out.replace(/\.md$/, ".svg");
      const rows = inOrder(main.report.rows.filter(({ metric }) => COMPARED.test(metric)));
      await writeFile(picture, drawRatios(rows, main.report.isa));
      const others = (await Promise.all(paths.map(sourceOf))).filter((source) => source !== undefined);
      await writeFile(out, makePage(main, others, relative(dirname(out), picture)));
      Bun.spawnSync([process.execPath, "fmt", out], { env: { ...process.env, BUN_BE_BUN: "1" } });
      process.stdout.write(`${relative(process.cwd(), out)}, ${relative(process.cwd(), picture)}\n`);
    });
}
