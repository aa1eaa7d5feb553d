/** `npm run eval -- sweep FILE --svg OUT`: the table of a sweep (`trimtab steer sweep --json FILE`) as a picture. */
import { readFile, writeFile } from "node:fs/promises";
import * as Plot from "@observablehq/plot";
import type { Command } from "commander";
import { z } from "zod";
import { draw } from "./report/charts.ts";

const row = z.object({
  ...{ method: z.string(), layers: z.array(z.number()).min(1), dose: z.number() },
  ...{ effect: z.number(), falseEffect: z.number(), n: z.number(), repetition: z.number() },
  ...{ pareto: z.boolean(), chosen: z.boolean() },
});
const table = z.object({ rows: z.array(row).min(1) });

/** Points of a sweep: effect against degradation, one dot a point; those that no other beats are filled and joined. */
export function sweepChart(rows: readonly z.infer<typeof row>[]): string {
  const points = rows.map((each) => ({
    ...each,
    name: `${each.layers[0]}–${each.layers.at(-1)} × ${each.dose.toPrecision(2)}`,
  }));
  const front = points.filter(({ pareto }) => pareto);
  return draw({
    height: 520,
    color: { scheme: "tableau10" },
    x: { label: "false effect on prompts to leave alone, steered", grid: true, percent: true },
    y: { label: "effect on prompts to steer", grid: true, percent: true, domain: [0, 100] },
    marks: [
      Plot.line(front, {
        x: "falseEffect",
        y: "effect",
        sort: "falseEffect",
        stroke: "#999",
        strokeDasharray: "3 3",
      }),
      Plot.dot(points, { x: "falseEffect", y: "effect", stroke: "method", r: 4 }),
      Plot.dot(front, { x: "falseEffect", y: "effect", fill: "method", r: 4 }),
      Plot.text(front, {
        x: "falseEffect",
        y: "effect",
        text: "name",
        dx: 7,
        dy: -6,
        textAnchor: "start",
        fontSize: 10,
      }),
      Plot.dot(
        points.filter(({ chosen }) => chosen),
        { x: "falseEffect", y: "effect", stroke: "#222", r: 8 },
      ),
    ],
  });
}

/** Adds the command. */
export function addSweepPlot(program: Command): void {
  program
    .command("sweep")
    .description("draw the table of a sweep")
    .argument("<file>", "written by `trimtab steer sweep --json`")
    .requiredOption("--svg <file>", "where the picture goes")
    .action(async (file: string, { svg }: { svg: string }) => {
      const { rows } = table.parse(JSON.parse(await readFile(file, "utf8")));
      await writeFile(svg, sweepChart(rows));
      process.stdout.write(`${svg}: ${rows.length} points\n`);
    });
}
