/**
 * What a run leaves for the documentation, and `npm run eval -- steering-report`, which joins the runs of several models into one page.
 * Reports that the page is made of are kept under `eval/results`, so that its numbers cannot drift.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import type { Command } from "commander";
import { writeFormatted } from "../report/formatted.ts";
import { KEPT } from "../results/kept.ts";
import { labMarkdown, type LabReport } from "./report.ts";

const PAGE = join(import.meta.dir, "..", "..", "..", "docs", "steering-results.md");
const LEFT = /^report-.*\.json$/;
const KEPT_REPORT = /^steering-.*\.json$/;

interface PageOptions {
  readonly from?: readonly string[];
  readonly page: string;
}

/** Adds the command. */
export function addSteeringReport(program: Command): void {
  program
    .command("steering-report")
    .description("the lab's page of the documentation, one part a model")
    .option(
      "--from <folders...>",
      "folders of runs, in the order of the page; without them the reports kept under eval/results",
    )
    .option("--page <file>", "where to write it", PAGE)
    .action(({ from, page }: PageOptions) => {
      writeFormatted(page, labMarkdown(from === undefined ? keptReports() : reportsIn(from, LEFT)));
      process.stdout.write(`${relative(process.cwd(), page)}\n`);
    });
}

/** Reports that are kept in the repository: what the page is made of. */
export const keptReports = (): LabReport[] => reportsIn([KEPT], KEPT_REPORT);

/** Reports of runs in their folders. @throws Error if a folder has none, as a run that did not end. */
function reportsIn(folders: readonly string[], name: RegExp): LabReport[] {
  return folders.flatMap((folder) => {
    const files = readdirSync(folder).filter((file) => name.test(file));
    if (files.length === 0) throw new Error(`${folder} has no report: a full run leaves one`);
    return files.toSorted().map((file) => JSON.parse(readFileSync(join(folder, file), "utf8")) as LabReport);
  });
}

/** Writes the report of a run into its folder. @param keep name it is kept by for the page, if it is */
export function leaveReport(report: LabReport, out: string, modelKey: string, keep?: string): void {
  const text = `${JSON.stringify(report)}\n`;
  writeFileSync(join(out, `report-${modelKey}.json`), text);
  if (keep !== undefined) writeFormatted(join(KEPT, `steering-${keep}.json`), text);
}
