/**
 * `npm run eval -- curvature FILE…`: from the tables of sweeps (`trimtab steer sweep --json FILE`), whether KL at a tiny dose tells
 * where coherence breaks: across methods and blocks, against random directions, and leaving one model out.
 */
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import type { Command } from "commander";
import { z } from "zod";
import { alignColumns } from "../report/columns.ts";
import type { Interval } from "../statistics.ts";
import {
  type Breaking,
  breakingDose,
  leaveOneOut,
  pairsOf,
  predictionError,
  rankCorrelation,
} from "./breaking.ts";

const table = z.object({
  rows: z.array(
    z.object({
      ...{ method: z.string(), layers: z.array(z.number()).min(1), dose: z.number() },
      ...{ perplexityRatio: z.number(), nats: z.number() },
    }),
  ),
});
const RANDOM = "random_direction";

/** Adds the command. */
export function addCurvature(program: Command): void {
  program
    .command("curvature")
    .description("does KL at a tiny dose tell where coherence breaks? from tables of sweeps")
    .argument("<files...>", "tables, named MODEL.anything.json")
    .action((files: readonly string[]) => {
      const found = files.flatMap((file) =>
        breakingsOf(basename(file, ".json"), table.parse(JSON.parse(readFileSync(file, "utf8")))),
      );
      process.stdout.write(`${curvatureLines(found).join("\n")}\n`);
    });
}

/**
 * One a method and window of blocks: κ from the smallest dose, the break from all.
 * @param name MODEL.anything: two files with one method have two directions of it
 */
export function breakingsOf(name: string, { rows }: z.infer<typeof table>): Breaking[] {
  const model = name.split(".")[0] ?? "";
  const curves = Map.groupBy(rows, ({ method, layers }) => `${method} ${layers.join(" ")}`);
  return [...curves.values()].map((points) => {
    const [first] = points.toSorted((a, b) => a.dose - b.dose) as [(typeof points)[number]];
    return {
      ...{
        model,
        direction: `${name} ${first.method}`,
        method: first.method,
        block: first.layers[first.layers.length >> 1]!,
      },
      ...{ curvature: (2 * first.nats) / first.dose ** 2, dose: breakingDose(points) },
    };
  });
}

/** The answer in lines. */
export function curvatureLines(all: readonly Breaking[]): string[] {
  const head = ["model", "method", "block", "curvature, nats", "breaks at"];
  const cells = all.map(({ model, method, block, curvature, dose }) => [
    ...[model, method, String(block), curvature.toPrecision(3), dose?.toPrecision(3) ?? "not broken"],
  ]);
  const isRandom = ({ method }: Breaking) => method === RANDOM;
  const [random, ours] = [all.filter(isRandom), all.filter((one) => !isRandom(one))];
  const correlation = (name: string, some: readonly Breaking[]) => {
    const pairs = pairsOf(some);
    return `${name}: rank correlation of curvature and break ${rankCorrelation(pairs).toFixed(2)}, n ${pairs.length} of ${some.length}`;
  };
  const error = (name: string, { line, mean }: ReturnType<typeof predictionError>) =>
    `${name}: off by ${line.toFixed(2)} doublings; without the curvature ${mean.toFixed(2)}`;
  const told = (name: string, some: readonly Breaking[]) => {
    const found = leaveOneOut(some);
    if (found === undefined) return [`${name}: too few directions to leave one out`];
    const text = ({ mean, lower, upper }: Interval) =>
      `${mean.toFixed(2)} [${lower.toFixed(2)}, ${upper.toFixed(2)}]`;
    return [
      `${name}, each told from the others (n ${found.directions}): off by ${text(found.line)} doublings with the curvature; ` +
        `by the mean ${text(found.mean)}, by the mean of the block ${text(found.block)}; gain ${text(found.gain)}`,
    ];
  };
  const models = [...new Set(all.map(({ model }) => model))];
  return [
    ...alignColumns([head, ...cells]),
    "",
    correlation("methods", ours),
    correlation("random directions", random),
    error("methods told from random directions", predictionError(random, ours)),
    ...told("methods", ours),
    ...told("random directions", random),
    ...told("all directions", all),
    ...(models.length < 2
      ? ["one model: leaving one out needs two"]
      : models.map((left) =>
          error(
            `${left} told from the others`,
            predictionError(
              ours.filter(({ model }) => model !== left),
              ours.filter(({ model }) => model === left),
            ),
          ),
        )),
  ];
}
