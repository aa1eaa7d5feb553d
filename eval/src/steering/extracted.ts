/**
 * `npm run eval -- vectors`: does a vector that ExtractVector makes of a few texts carry what they differ in? The answers of the
 * shipped recipes in halves: a vector is made of one half, texts of the other are read and projected onto it; and the other way round.
 *
 *   score = h̄·v at the middle block,  h̄: mean row of a text without its first token
 *
 * Counted are held-out pairs in order (the text that shows the behaviour scores higher). Chance is a half. The block was fixed
 * beforehand; the mean over the middle third of the blocks stands beside it. Cost: every text twice.
 */
import { writeFileSync } from "node:fs";
import type { Command } from "commander";
import { parseSafetensors, safetensorsToF32 } from "#kit/safetensors.ts";
import { Pooling, Site, TapPositions } from "#proto/trimtab/type/v1/program_pb.ts";
import { type Proportion, wilson } from "../binomial.ts";
import { addServicesOptions } from "../options.ts";
import { alignColumns } from "../report/columns.ts";
import { percent } from "../report/text.ts";
import { openServices, pickModel, type Services, type ServicesOptions } from "../services.ts";
import { meanOf } from "../statistics.ts";
import { readArtifact } from "./artifacts.ts";
import { auroc } from "./gate.ts";
import { bytesToF32 } from "./tensors.ts";
import { readAnswers } from "./training.ts";

/** Recipes with a file of answers that show a behaviour and one of answers that do not. */
const BEHAVIOURS = [
  ["formal", "formal", "casual"],
  ["positive", "joyful", "gloomy"],
  ["concise", "short", "long"],
  ["french", "in-french", "in-english"],
  ["json", "objects", "prose"],
  ["hedging", "admissions", "assertions"],
  ["refusal", "refusal-responses", "compliant-responses"],
] as const;

/** One call, on a busy machine. */
const TIMEOUT_MS = 600_000;

/** What the vectors of one behaviour do to texts they were not made from. */
export interface CarriedBehaviour {
  readonly behaviour: string;
  /** Held-out pairs in order at the middle block. */
  readonly pairs: Proportion;
  /** Chance that a held-out text with the behaviour scores higher than one without: at the middle block, and mean over the middle third. */
  readonly auroc: number;
  readonly aurocThird: number;
}

/** Rows of texts by block, f32 [width] each. */
type Rows = ReadonlyMap<number, Float32Array>;

/** Adds the command. */
export function addVectorsEval(program: Command): void {
  const command = program
    .command("vectors")
    .description("do vectors of a few texts put held-out texts in order?")
    .option("--json <file>", "write the rows as JSON");
  addServicesOptions(command).action(run);
}

async function run(options: ServicesOptions & { readonly json?: string }): Promise<void> {
  const services = await openServices(options);
  try {
    const model = pickModel((await services.gateway.listModels({})).models);
    const found: CarriedBehaviour[] = [];
    for (const [recipe, shows, lacks] of BEHAVIOURS) {
      const [positive, negative] = [readAnswers(recipe, shows), readAnswers(recipe, lacks)];
      const halves = [];
      for (const half of [0, 1]) {
        const of = (texts: readonly string[], isHeld: boolean) =>
          texts.filter((_, index) => (index % 2 === half) === isHeld);
        const learned = { positive: of(positive, false), negative: of(negative, false) };
        const vector = await extract(services, model.name, `eval-vectors-${recipe}-${half}`, learned);
        const held = await Promise.all(
          [of(positive, true), of(negative, true)].map((texts) =>
            Promise.all(texts.map((text) => meanRows(services, model.name, text))),
          ),
        );
        halves.push(scoresByBlock(vector, held as [Rows[], Rows[]]));
      }
      found.push(carried(recipe, halves, model.layers));
      process.stderr.write(`${vectorLines(found.slice(-1))[1]}\n`);
    }
    if (options.json !== undefined)
      writeFileSync(options.json, `${JSON.stringify({ rows: found }, null, 2)}\n`);
    process.stdout.write(`${model.name}\n${vectorLines(found).join("\n")}\n`);
  } finally {
    await services.close();
  }
}

/** Makes a vector and takes it back out of the store. */
async function extract(
  { gateway }: Services,
  model: string,
  name: string,
  texts: { readonly positive: string[]; readonly negative: string[] },
): Promise<Rows> {
  const { artifact } = await gateway.extractVector({ model, name, ...texts }, { timeoutMs: TIMEOUT_MS });
  const { tensors } = parseSafetensors(await readArtifact(gateway, artifact?.digest ?? ""));
  await gateway.deleteArtifact({ name });
  return new Map(
    [...tensors].flatMap(([tensor, raw]) => {
      const block = /^direction\.(\d+)$/.exec(tensor)?.[1];
      return block === undefined ? [] : [[Number(block), safetensorsToF32(tensor, raw)] as const];
    }),
  );
}

async function meanRows({ gateway }: Services, model: string, text: string): Promise<Rows> {
  const tap = { site: Site.RESIDUAL, positions: TapPositions.RANGE, first: 1, pooling: Pooling.MEAN };
  const rows = new Map<number, Float32Array>();
  const request = { model, input: { case: "text" as const, value: text }, taps: [tap] };
  const stream = gateway.capture(request, { timeoutMs: TIMEOUT_MS });
  for await (const { activations } of stream)
    for (const { layer, values } of activations)
      rows.set(layer, bytesToF32(values?.data ?? new Uint8Array()));
  return rows;
}

/** Scores of held-out texts by block. */
export interface BlockScores {
  readonly positive: readonly number[];
  readonly negative: readonly number[];
}

function scoresByBlock(
  vector: Rows,
  [positive, negative]: readonly [Rows[], Rows[]],
): Map<number, BlockScores> {
  const score = (block: number) => (rows: Rows) => {
    const [row, axis] = [rows.get(block)!, vector.get(block)!];
    return row.reduce((sum, value, i) => sum + value * axis[i]!, 0);
  };
  return new Map(
    [...vector.keys()].map((block) => [
      block,
      { positive: positive.map(score(block)), negative: negative.map(score(block)) },
    ]),
  );
}

/** Pairs and AUROC of both halves. @param halves scores by block; pairs are texts at the same place of the two lists. */
export function carried(
  behaviour: string,
  halves: readonly ReadonlyMap<number, BlockScores>[],
  layers: number,
): CarriedBehaviour {
  const aurocAt = (block: number) =>
    meanOf(halves.map((half) => auroc(half.get(block)!.positive, half.get(block)!.negative)));
  const middle = layers >> 1;
  const pairs = halves.flatMap((half) => {
    const { positive, negative } = half.get(middle)!;
    return positive.slice(0, negative.length).map((score, at) => score > negative[at]!);
  });
  const third = Array.from({ length: layers }, (_, block) => block).filter(
    (block) => block >= layers / 3 && block < (2 * layers) / 3,
  );
  return {
    behaviour,
    pairs: wilson(pairs.filter(Boolean).length, pairs.length),
    auroc: aurocAt(middle),
    aurocThird: meanOf(third.map(aurocAt)),
  };
}

/** The table. */
function vectorLines(found: readonly CarriedBehaviour[]): string[] {
  const cells = (name: string, { rate, lower, upper, n }: Proportion, at: number, third: number) => [
    ...[name, `${Math.round(rate * n)} of ${n}`, `${percent(rate)} [${percent(lower)}, ${percent(upper)}]`],
    ...[at.toFixed(3), third.toFixed(3)],
  ];
  const all = wilson(
    found.reduce((sum, { pairs }) => sum + Math.round(pairs.rate * pairs.n), 0),
    found.reduce((sum, { pairs }) => sum + pairs.n, 0),
  );
  return alignColumns([
    ["behaviour", "pairs in order", "", "AUROC", "middle third"],
    ...found.map((each) => cells(each.behaviour, each.pairs, each.auroc, each.aurocThird)),
    cells("all", all, meanOf(found.map((each) => each.auroc)), meanOf(found.map((each) => each.aurocThird))),
  ]);
}
