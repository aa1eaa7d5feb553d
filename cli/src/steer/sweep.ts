/** `trimtab steer sweep`: methods, blocks and doses measured on a recipe's validation prompts; the best is stored. */
import { writeFile } from "node:fs/promises";
import type { Command } from "commander";
import { z } from "zod";
import { TrimtabError } from "#kit/errors.ts";
import { wholeNumber } from "#kit/option-values.ts";
import type { GatewayClient } from "../demo/answer.ts";
import { checkWritable } from "../given-file.ts";
import { addTargetOptions, withGateway, type TargetOptions } from "../options.ts";
import { MAX_STRENGTH } from "../steering-options.ts";
import { fetchArtifact } from "./fetch.ts";
import { followFit } from "./follow.ts";
import { blocks, numbersIn } from "./lists.ts";

interface SweepFlags extends TargetOptions {
  readonly recipe: string;
  readonly methods: string;
  readonly layers?: readonly number[];
  readonly doses?: readonly number[];
  readonly width: number;
  readonly budget: number;
  readonly seed: number;
  readonly json?: string;
}

/** What the command shows of a sweep's table. */
const table = z.object({
  tokens: z.number(),
  baseAbility: z.number(),
  rows: z.array(
    z.object({
      ...{ method: z.string(), layers: z.array(z.number()), dose: z.number() },
      ...{ effect: z.number(), falseEffect: z.number(), n: z.number() },
      ...{ repetition: z.number(), perplexityRatio: z.number(), nats: z.number(), ability: z.number() },
      ...{ pareto: z.boolean(), chosen: z.boolean() },
    }),
  ),
});

/** Adds the command. */
export function addSweepCommand(steer: Command): void {
  const command = steer
    .command("sweep")
    .description("measure methods, blocks and doses on validation prompts; store the best")
    .argument("<name>")
    .option("--recipe <recipe>", "recipe whose prompts, answers and judge are used", "refusal")
    .option("--methods <list>", "methods that make a direction", "response_contrast")
    .option("--layers <list>", "middle blocks of the windows, such as 9,12-15", blocks)
    .option("--doses <list>", "relative doses", numbersIn(0, MAX_STRENGTH))
    .option("--width <blocks>", "blocks of a window", wholeNumber, 3)
    .option("--budget <tokens>", "tokens to generate", wholeNumber, 40_000)
    .option("--seed <number>", "of whatever is random", wholeNumber, 0)
    .option("--json <file>", "write the whole table");
  addTargetOptions(command).action(async (name: string, flags: SweepFlags) => {
    checkWritable(flags.json, "--json");
    await withGateway(flags, async (client) => {
      const { bytes } = await fetchArtifact(client, await runSweep(client, name, flags));
      if (flags.json !== undefined) await writeFile(flags.json, bytes);
      process.stdout.write(`${lines(bytes).join("\n")}\n`);
    });
  });
}

/** Sweeps; answers with the reference of its table. @throws TrimtabError ARTIFACT_NOT_FOUND if the artifact names none */
async function runSweep(client: GatewayClient, name: string, flags: SweepFlags): Promise<string> {
  const options = {
    methods: flags.methods.split(","),
    ...{ layers: [...(flags.layers ?? [])], doses: [...(flags.doses ?? [])] },
    ...{ width: flags.width, tokenBudget: BigInt(flags.budget), seed: flags.seed },
  };
  const { madeFrom } = await followFit(client, { name, method: "sweep", recipe: flags.recipe, options });
  if (madeFrom["table"] !== undefined) return madeFrom["table"];
  throw new TrimtabError("ARTIFACT_NOT_FOUND", `${name} was stored before sweeps named their tables`, {
    field: "name",
  });
}

/** The table in text: the chosen point first, then the points no other beats, then the others. */
function lines(bytes: Uint8Array): string[] {
  const { rows, tokens, baseAbility } = table.parse(JSON.parse(new TextDecoder().decode(bytes)));
  const rank = (row: (typeof rows)[number]) => (row.chosen ? 0 : row.pareto ? 1 : 2);
  const sorted = [...rows].sort((a, b) => rank(a) - rank(b));
  const head = [
    "",
    "method",
    "blocks",
    "dose",
    "effect",
    "false",
    "n",
    "repeat",
    "perplexity",
    "nats",
    "ability",
  ];
  const cells = sorted.map((row) => [
    row.chosen ? ">" : row.pareto ? "*" : "",
    row.method,
    `${row.layers[0]}-${row.layers.at(-1)}`,
    row.dose.toPrecision(3),
    ...[row.effect, row.falseEffect].map((share) => `${(100 * share).toFixed(0)} %`),
    String(row.n),
    `${(100 * row.repetition).toFixed(1)} %`,
    row.perplexityRatio.toFixed(2),
    row.nats.toPrecision(2),
    `${(100 * row.ability).toFixed(0)} %`,
  ]);
  const all = [head, ...cells];
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? "").length)));
  const text = all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  return [
    ...text,
    `${rows.length} points, ${tokens} tokens; ability unsteered ${(100 * baseAbility).toFixed(0)} %; > chosen, * not beaten in everything by another`,
  ];
}
